"""Recipes of our own against each other: so many minutes each, on one index.

    python -m benchmarks.pretraining.race DATA WORK [--minutes 5] [--only "base,muon"]

DATA holds wiki_en; WORK keeps its vocabulary and its index. The recipes are those of
`recipes.py`. Results lie in `results.json` next to this file: runs with the same
settings are not done again. `--only ""` prints the tables. Run nothing else meanwhile.
Runs take a core each, side by side: a step of so small a model gains little from two.
"""

import argparse
import os
import shutil
from functools import partial
from pathlib import Path

from ..arguments import make_parser, open_store
from ..measuring import run_side_by_side
from ..store import Store
from ..tables import write_sections
from .losses import row_name, train_and_judge
from .ours import train_ours
from .recipes import RACE, RECIPES
from .table import race_sections
from .wiki import learned_text


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), RECIPES)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--shape", default="L4 H256")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    store = open_store(args)
    if args.only:
        # What all runs read.
        learned_text(args.data, args.work)
    run_side_by_side(
        [partial(_run, store, name, args) for name in args.only], args.jobs
    )
    print(write_sections(race_sections(store.parts)))


def _run(store: Store, name: str, args: argparse.Namespace) -> None:
    output, recipe = args.work / "race" / name, RECIPES[name]
    what = {"shape": args.shape, "minutes": args.minutes, "recipe": recipe}
    measure = partial(train_and_judge, train_ours, args.data, args.work, output, **what)
    store.once(RACE, row_name(args.shape, args.minutes), name, recipe, measure)
    shutil.rmtree(output, ignore_errors=True)


if __name__ == "__main__":
    main()
