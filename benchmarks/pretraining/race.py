"""Recipes of our own against each other: so many minutes each, on one index.

    python -m benchmarks.pretraining.race DATA WORK [--minutes 5] [--only "base,muon"]

DATA holds wiki_en; WORK keeps its vocabulary, its index and `race.json`, from which
runs that are there already are not done again. The recipes are those of `recipes.py`.
`--only ""` prints the table. Run nothing else meanwhile. Runs take a core each, side by
side: a step of so small a model gains little from two.
"""

import argparse
import os
import shutil
from functools import partial
from pathlib import Path

from ..store import Result, Store, run_side_by_side
from .losses import ours, row_name, train_and_judge
from .recipes import RECIPES
from .wiki import learned_text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--shape", default="L4 H256")
    parser.add_argument("--only", default=",".join(RECIPES), help="recipes")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    store = Store(args.work / "race.json")
    run_all(store, args)
    print("\n".join(store.machines()), end="\n\n")
    for row, runs in store.parts.get("race", {}).items():
        print(f"{row}\n\n{table(runs)}\n")


def run_all(store: Store, args: argparse.Namespace) -> None:
    names = [name for name in args.only.split(",") if name]
    if names:
        # What all runs read.
        learned_text(args.data, args.work)
    run_side_by_side([partial(_run, store, name, args) for name in names], args.jobs)


def _run(store: Store, name: str, args: argparse.Namespace) -> None:
    output, recipe = args.work / "race" / name, RECIPES[name]
    what = {"shape": args.shape, "minutes": args.minutes, "recipe": recipe}
    measure = partial(train_and_judge, ours, args.data, args.work, output, **what)
    store.once("race", row_name(args.shape, args.minutes), name, recipe, measure)
    shutil.rmtree(output, ignore_errors=True)


def table(runs: dict[str, Result]) -> str:
    """The lowest loss on single segments first."""
    lines = [
        "| recipe | steps | pieces, thousands | MLM, segments | pairs | blocks |",
        "|---|---|---|---|---|---|",
    ]
    for name, run in sorted(runs.items(), key=lambda item: item[1]["segments"]):
        losses = " | ".join(
            f"{run[form]:.3f}" for form in ("segments", "pairs", "blocks")
        )
        lines.append(
            f"| {name} | {run['steps']} | {run['pieces'] / 1000:,.0f} | {losses} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
