"""Recipes over runs of several lengths: curves of loss, NSP and minimal pairs.

    python -m benchmarks.pretraining.curves DATA WORK [--only "L4 H256, 2000 steps"]

DATA holds wiki_en and blimp; WORK keeps the index and the runs. A run that was stopped
goes on where it was. Results lie in `results.json` next to this file: runs with the
same settings are not done again. `--only ""` prints the tables. Runs take a core each,
side by side, and are compared by what they have read, not by the clock. `--systems` is
a regular expression for their names.
"""

import argparse
import os
import re
from functools import partial
from math import isfinite, nan
from pathlib import Path
from typing import Any

from spacy_bert.checkpoint.loading import load_mlm_model
from spacy_bert.corpus.vocabulary import VocabularyConfig
from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.log import FillsRow, LogRow, read_rows
from spacy_bert.pretraining.minimal_pairs import (
    read_minimal_pairs,
    score_minimal_pairs,
)
from spacy_bert.pretraining.run_folder import FILLS, LAST, LOG
from spacy_bert.pretraining.training.memory import keep_freed_memory
from spacy_bert.pretraining.training_config import TrainingConfig

from ..arguments import make_parser, open_store
from ..measuring import run_alone, run_side_by_side
from ..shapes import sizes
from ..store import Result, Store
from ..tables import write_sections
from .ours import share_index
from .recipes import CURVE_RUNS, CURVES, Recipe
from .table import curve_sections
from .wiki import learned_text, wiki_corpus, wiki_splitter

# On each curve, the start included.
_N_POINTS = 12
_N_EVALUATED, _N_PAIRS = 1024, 10
# At the end, of each of BLiMP's paradigms.
_N_LAST_PAIRS = 100


def main() -> None:
    results = Path(__file__).with_name("results.json")
    parser = make_parser(__doc__, results, CURVE_RUNS)
    parser.add_argument("--systems", default="", help="a regular expression")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    store = open_store(args)
    if args.only:
        # What all runs read.
        learned_text(args.data, args.work)
    runs = [
        partial(_measure, store, row, system, recipe, args)
        for row in args.only
        for system, recipe in CURVE_RUNS[row].items()
        if re.search(args.systems, system)
    ]
    run_side_by_side(runs, args.jobs)
    print(write_sections(curve_sections(store.parts)))


def _measure(
    store: Store, row: str, system: str, recipe: Recipe, args: argparse.Namespace
) -> None:
    shape = row.split(",")[0]
    measure = partial(
        run_alone,
        draw_curve,
        data=args.data,
        work=args.work,
        shape=shape,
        recipe=recipe,
        output=args.work / "curves" / row / system,
    )
    store.once(CURVES, row, system, recipe, measure)


def draw_curve(
    *, data: Path, work: Path, shape: str, recipe: Recipe, output: Path
) -> Result:
    """The last point, seconds of the steps alone, and the points: pieces that were
    read, seconds, held-out MLM loss, NSP accuracy, and minimal pairs that are right."""
    keep_freed_memory()
    text = learned_text(data, work)
    every = max(recipe["max_steps"] // _N_POINTS, 1)
    settings: dict[str, Any] = {
        "eval_every": every,
        "save_every": every,
        "n_eval_instances": _N_EVALUATED,
        "minimal_pairs": str(data / "blimp"),
        "n_minimal_pairs": _N_PAIRS,
        **recipe,
    }
    config = PretrainingConfig(
        corpus=wiki_corpus(data),
        vocabulary=VocabularyConfig(path=str(text.vocabulary)),
        model=sizes(shape, dropout=0.0),
        pretraining=TrainingConfig(**settings),
    )
    if not output.exists():
        share_index(text.index, output)
    pretrain(
        config, output, splitter=wiki_splitter(), resume=True, write=lambda line: None
    )
    pairs = {
        row["step"]: row.get("minimal_pairs_accuracy")
        for row in read_rows(output / FILLS, FillsRow)
    }
    rows = read_rows(output / LOG, LogRow)
    points = [
        (
            row["n_pieces"],
            round(row["seconds"], 1),
            row["held_out_mlm_loss"],
            row.get("held_out_nsp_accuracy"),
            pairs.get(row["step"]),
        )
        for row in rows
        if isfinite(row.get("held_out_mlm_loss", nan))
    ]
    n_pieces, seconds, loss, nsp, _ = points[-1]
    model, tokenizer, _ = load_mlm_model(output / LAST)
    last_pairs = read_minimal_pairs(data / "blimp", n=_N_LAST_PAIRS)
    right = score_minimal_pairs(model, tokenizer, last_pairs).whole.accuracy
    return {
        "MLM loss": loss,
        "NSP accuracy": 100 * (nsp or nan),
        "minimal pairs": 100 * right,
        "million pieces": n_pieces / 1e6,
        "core minutes": seconds / 60,
        "points": points,
    }


if __name__ == "__main__":
    main()
