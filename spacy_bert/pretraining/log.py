"""Files of JSON rows, one a line, each with the `step` that it was written after."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf8") as file:
        file.write(json.dumps(row) + "\n")


def read_rows(path: Path) -> list[Row]:
    """Without a line that a kill cut short. No file, no rows."""
    if not path.is_file():
        return []
    rows = map(_read_row, path.read_text(encoding="utf8").splitlines())
    return [row for row in rows if row is not None]


def keep_rows(path: Path, step: int) -> list[Row]:
    """Drop rows later than `step`, as a run that was killed goes back to its last
    checkpoint, and give the others."""
    rows = [row for row in read_rows(path) if row["step"] <= step]
    if path.is_file():
        new = path.with_name(path.name + ".new")
        text = "".join(json.dumps(row) + "\n" for row in rows)
        new.write_text(text, encoding="utf8")
        os.replace(new, path)
    return rows


def _read_row(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "step" in row else None
