"""Pretraining next to its peers, in one table.

    python -m benchmarks.pretraining DATA WORK [--only speed,losses] [--tune]

The parts:
speed       pieces a second of training, against `BertForPreTraining` and the Trainer on
            the same batches, and fractions of the machine's rate of matrix products
losses      held-out MLM loss after some minutes, against the recipe of run_mlm.py
indexing    the index of a text, against `datasets`
downstream  WNUT-17 and UD-EWT, fine-tuned from the two checkpoints and from random
            weights

DATA holds wiki_en, vocab, wnut17 and ud_en_ewt; WORK keeps what is made of them.
Results lie in `results.json` next to this file: what was measured with the same
settings is not measured again. `--tune` tries learning rates for the peer first; losses
are then of its best. `--only ""` prints the tables. Needs
`pip install ".[benchmarks]"`. Run nothing else meanwhile.
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

from ..arguments import make_parser, names, open_store
from ..store import Store
from ..tables import write_sections
from .downstream import measure_downstream
from .indexing import measure_builds
from .losses import best_tuned, measure_losses, tune_peer
from .recipes import BEST, PEER, RECIPES
from .speed import measure_speed
from .table import sections

PARTS = ("speed", "losses", "indexing", "downstream")


def main() -> None:
    args = _read_arguments()
    warnings.simplefilter("ignore")
    store = open_store(args)
    measure(store, args)
    print(write_sections(sections(store.parts)))


def measure(store: Store, args: argparse.Namespace) -> None:
    places = store, args.data, args.work
    run = {"shape": args.shape, "minutes": args.minutes}
    if "speed" in args.only:
        measure_speed(
            *places,
            shapes=args.speed_shapes,
            dropouts=[float(dropout) for dropout in args.dropouts],
            batch_size=args.batch_size,
            n_steps=args.steps,
            n_rounds=args.rounds,
        )
    asked = {"learn_rate": args.peer_rate, "batch_size": args.peer_batch}
    asked = {name: value for name, value in asked.items() if value is not None}
    if args.tune:
        minutes = args.tune_minutes
        tune_peer(*places, shape=args.shape, minutes=minutes, peer={**PEER, **asked})
    if "losses" in args.only:
        peer = {**PEER, **best_tuned(store, args.shape), **asked}
        measure_losses(*places, recipe=RECIPES[args.recipe], peer=peer, **run)
    if "indexing" in args.only:
        measure_builds(*places, sizes=args.sizes)
    if "downstream" in args.only:
        seeds = [int(seed) for seed in args.seeds]
        measure_downstream(*places, seeds=seeds, n_steps=args.fine_tuning_steps, **run)


def _read_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), PARTS)

    def add(name: str, default: Any, text: str, kind: Any = names) -> None:
        parser.add_argument(name, default=default, type=kind, help=text)

    add("--speed-shapes", ["L4 H256", "L6 H384"], "speed: of the models")
    add("--dropouts", ["0.1", "0"], "speed: the paper's, and the best for short runs")
    add("--batch-size", 32, "speed: sequences in a step", int)
    add("--steps", 20, "speed: in a round", int)
    add("--rounds", 5, "speed: in which each system has its turn", int)
    add("--shape", "L4 H256", "losses: of the model", str)
    add("--minutes", 15.0, "losses: of training", float)
    add("--recipe", BEST, f"losses: ours, out of {', '.join(RECIPES)}", str)
    add("--peer-rate", None, "losses: the peer's learning rate", float)
    add("--peer-batch", None, "losses: the peer's sequences in a step", int)
    parser.add_argument("--tune", action="store_true", help="losses: tune the peer")
    add("--tune-minutes", 2.0, "losses: of each rate that is tried", float)
    add("--sizes", ["1", "4", "16"], "indexing: how often the text is taken")
    add("--seeds", ["0"], "downstream: of fine-tuning")
    add("--fine-tuning-steps", 400, "downstream: in each run", int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
