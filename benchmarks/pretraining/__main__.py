"""Pretraining beside its peers, in one table.

    python -m benchmarks.pretraining DATA WORK [--only speed,losses] [--tune]

The parts:
speed       pieces a second of training, against `BertForPreTraining` and the Trainer on
            the same batches, and shares of the machine's rate of matrix products
losses      held-out MLM loss after some minutes, against the recipe of run_mlm.py
indexing    as `python -m benchmarks.pretraining.indexing`
downstream  WNUT-17 and UD-EWT, fine-tuned from the two checkpoints and from random
            weights

DATA holds wiki_en, vocab, wnut17 and ud_en_ewt; WORK keeps what is made of them and
`results.json`, from which what was measured with the same settings is taken. `--tune`
tries learning rates for the peer first; losses are then of its best. `--only ""` prints
the table. Needs `pip install ".[benchmarks]"`. Run nothing else meanwhile.
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

from ..store import Store
from .downstream import measure_downstream
from .indexing import measure_builds
from .losses import best_tuned, measure_losses, tune_peer
from .recipes import BEST, PEER, RECIPES
from .speed import measure_speed
from .table import rows

PARTS = ("speed", "losses", "indexing", "downstream")


def main() -> None:
    args = _read_arguments()
    warnings.simplefilter("ignore")
    args.work.mkdir(parents=True, exist_ok=True)
    store = Store(args.work / "results.json")
    measure(store, args)
    print("\n".join(store.machines()), end="\n\n")
    print("| what | ours | peer | | compared | asked |\n|---|---|---|---|---|---|")
    for row in rows(store.parts):
        print(f"| {' | '.join(row)} |")


def measure(store: Store, args: argparse.Namespace) -> None:
    places = store, args.data, args.work
    run = {"shape": args.shape, "minutes": args.minutes}
    parts = set(filter(None, args.only.split(",")))
    if "speed" in parts:
        measure_speed(
            *places,
            shapes=args.speed_shapes.split(","),
            dropouts=[float(dropout) for dropout in args.dropouts.split(",")],
            batch_size=args.batch_size,
            n_steps=args.steps,
            n_rounds=args.rounds,
        )
    asked = {"learn_rate": args.peer_rate, "batch_size": args.peer_batch}
    asked = {name: value for name, value in asked.items() if value is not None}
    if args.tune:
        minutes = args.tune_minutes
        tune_peer(*places, shape=args.shape, minutes=minutes, peer={**PEER, **asked})
    if "losses" in parts:
        peer = {**PEER, **best_tuned(store, args.shape), **asked}
        measure_losses(*places, recipe=RECIPES[args.recipe], peer=peer, **run)
    if "indexing" in parts:
        measure_builds(*places, sizes=args.sizes)
    if "downstream" in parts:
        seeds = [int(seed) for seed in args.seeds.split(",")]
        measure_downstream(*places, seeds=seeds, n_steps=args.fine_tuning_steps, **run)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def add(name: str, default: Any, text: str, kind: type = str) -> None:
        parser.add_argument(name, default=default, type=kind, help=text)

    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    add("--only", ",".join(PARTS), "parts to run")
    add("--speed-shapes", "L4 H256,L6 H384", "speed: of the models")
    add("--dropouts", "0.1,0", "speed: the paper's, and what short runs are best with")
    add("--batch-size", 32, "speed: sequences in a step", int)
    add("--steps", 20, "speed: in a round", int)
    add("--rounds", 5, "speed: in which each system has its turn", int)
    add("--shape", "L4 H256", "losses: of the model")
    add("--minutes", 15.0, "losses: of training", float)
    add("--recipe", BEST, f"losses: ours, out of {', '.join(RECIPES)}")
    add("--peer-rate", None, "losses: the peer's learning rate", float)
    add("--peer-batch", None, "losses: the peer's sequences in a step", int)
    parser.add_argument("--tune", action="store_true", help="losses: tune the peer")
    add("--tune-minutes", 2.0, "losses: of each rate that is tried", float)
    add("--sizes", "1,4,16", "indexing: how often the text is taken")
    add("--seeds", "0", "downstream: of fine-tuning")
    add("--fine-tuning-steps", 400, "downstream: in each run", int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
