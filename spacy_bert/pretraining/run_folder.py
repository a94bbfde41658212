"""The files of a run's folder: their names, and whether they may be replaced."""

import json
from pathlib import Path
from typing import Any

from ..checked import Record, read_checked
from ..outputs import Kind, holds_only, is_ours
from .log import FillsRow, LogRow, read_rows

INDEX, LAST, BEST = "index", "model-last", "model-best"
LOG, FILLS, REPORT = "log.jsonl", "fills.jsonl", "report.html"
# What a reader would take for text, in a run and its checkpoints.
TEXT_FILES = ("vocab.txt", LOG)
# In a checkpoint of a run that can be resumed, next to what every checkpoint has.
STATE_FILE, OPTIMIZER_FOLDER = "training_state.json", "training_state"

TITLE = "Pretraining report"

_CHECKPOINT_FILES = (
    "config.json",
    "model.safetensors",
    "vocab.txt",
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    STATE_FILE,
    f"{OPTIMIZER_FOLDER}/*",
)


def check_foreign(output: Path) -> None:
    """Raise FileExistsError or ValueError if something that no run wrote has the name
    of what a run writes."""
    read_rows(output / LOG, LogRow)
    read_rows(output / FILLS, FillsRow)
    for name, kind in (LAST, CHECKPOINT), (BEST, CHECKPOINT), (REPORT, PAGE):
        check_is_ours(output / name, kind)


def refuse_earlier(output: Path, *, resume: bool) -> None:
    """Raise FileExistsError if there is an earlier run in `output`; with `resume`, only
    if it has done a step."""
    names = (LAST, BEST, LOG, FILLS, REPORT)
    there = [output / name for name in names if (output / name).exists()]
    if not there or (resume and _has_no_steps(output)):
        return
    advice = "start over with --overwrite, or give another folder."
    if there[0].name == LAST:
        raise FileExistsError(
            f"{there[0]} is of an earlier run. Continue it with --resume, {advice}"
        )
    raise FileExistsError(
        f"{there[0]} is of an earlier run, which has no {LAST} to resume. Move it "
        f"away, {advice}"
    )


def read_run_config(output: Path) -> dict[str, Any]:
    """The config of a run, by section: none until it has a checkpoint.

    Raises ValueError if it is damaged.
    """
    path = output / LAST / STATE_FILE
    return read_checked(path, _WithConfig).config if path.is_file() else {}


def check_is_ours(path: Path, kind: Kind) -> None:
    """Raise FileExistsError if something else is at `path`."""
    if path.exists() and not is_ours(path, kind):
        raise FileExistsError(
            f"{path} is not {kind.name}, so it is not replaced. Move it away, or give "
            "another folder."
        )


def _has_no_steps(output: Path) -> bool:
    """Whether a run was killed before it had a checkpoint to go on from. Its first row
    is written before its first checkpoint."""
    if (output / LAST).exists():
        return False
    rows = read_rows(output / LOG)
    is_begun = bool(rows) or not (output / BEST).exists()
    return is_begun and all(row["step"] == 0 for row in rows)


def _is_checkpoint(path: Path) -> bool:
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf8"))
        is_bert = config["model_type"] == "bert"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return is_bert and holds_only(path, _CHECKPOINT_FILES)


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return f"<title>{TITLE}</title>".encode() in file.read(1000)


class _WithConfig(Record):
    config: dict[str, dict[str, Any]]


CHECKPOINT = Kind(name="a checkpoint of a run", is_one=_is_checkpoint, is_folder=True)
PAGE = Kind(name="the report of a run", is_one=_is_page)
