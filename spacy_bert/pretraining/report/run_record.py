"""The folder of a run -> what is drawn of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..log import FillsRow, LogRow, Row, read_rows
from ..run_folder import FILLS, LOG, read_run_config


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Rows of its log (at least one), answers of its saves, and its config by
    section. name: the folder, as commands name it."""

    name: str
    rows: Sequence[Row]
    saves: Sequence[Row]
    config: Mapping[str, Any]


def read_run(folder: Path) -> RunRecord:
    """Raises ValueError if nothing is logged yet, or if a file is damaged."""
    rows = read_rows(folder / LOG, LogRow)
    if not rows:
        raise ValueError(
            f"{folder / LOG}: expected the log of a run, found no row. Give the folder "
            "that 'spacy bert pretrain' writes into."
        )
    return RunRecord(
        name=str(folder),
        rows=rows,
        saves=read_rows(folder / FILLS, FillsRow),
        config=read_run_config(folder),
    )
