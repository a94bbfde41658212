"""The log of a pretraining run -> the numbers of its best checkpoint."""

from pathlib import Path
from typing import Any

from spacy_bert.pretraining.log import read_rows


def best_row(log: Path) -> dict[str, Any]:
    """The evaluation of the checkpoint that is kept as the best."""
    rows = [row for row in read_rows(log) if "held_out_mlm_loss" in row]
    if not rows:
        raise ValueError(f"{log}: expected evaluations of a pretraining run, got none.")
    return min(rows, key=lambda row: float(row["held_out_mlm_loss"]))
