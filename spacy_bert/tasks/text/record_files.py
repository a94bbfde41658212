"""JSONL, CSV and TSV files -> records by the names of their columns."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from ...corpus.columns import MAX_CELL_CHARS

Record = Mapping[str, object]


def read_records(path: Path) -> Iterator[tuple[int, Record]]:
    """Line numbers, from 1, and what is there. In a .csv file a row may have several
    lines; its number is that of the last.

    A .csv, .tsv or .txt file starts with the names of its columns. In a .csv file
    commas are between cells, which may be in double quotes; the others have tabs and no
    quoting.

    Raises ValueError, with the line, if it is no such file.
    """
    readers = {
        ".jsonl": _read_jsonl,
        ".json": _read_jsonl,
        ".csv": _read_csv,
        ".tsv": _read_tsv,
        ".txt": _read_tsv,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path}: expected a file that ends in {', '.join(readers)}.")
    try:
        yield from read(path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8: {error}.") from error


def _read_jsonl(path: Path) -> Iterator[tuple[int, Record]]:
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(
                    f"{path}, line {number}: expected a JSON object a line: {error}."
                ) from error
            if not isinstance(record, dict):
                raise ValueError(
                    f"{path}, line {number}: expected a JSON object, got "
                    f"{line.strip()[:60]!r}."
                )
            yield number, record


def _read_csv(path: Path) -> Iterator[tuple[int, Record]]:
    # The limit of a cell is one for the whole process, and 131,072 characters at first.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARS))
    with _open(path) as file:
        rows = csv.reader(file, strict=True)
        try:
            yield from _by_name(path, ((rows.line_num, row) for row in rows))
        except csv.Error as error:
            raise ValueError(
                f"{path}, line {rows.line_num}: {error}. In a .csv file, a cell with a "
                "comma, a quote or a line end inside is in double quotes, and a quote "
                "in it is written twice. If cells are separated by tabs and quotes are "
                "plain characters, name the file .tsv."
            ) from error


def _read_tsv(path: Path) -> Iterator[tuple[int, Record]]:
    with _open(path) as file:
        rows = (
            (number, line.removesuffix("\n").removesuffix("\r"))
            for number, line in enumerate(file, start=1)
        )
        yield from _by_name(
            path, ((number, line.split("\t") if line else []) for number, line in rows)
        )


def _by_name(
    path: Path, rows: Iterable[tuple[int, list[str]]]
) -> Iterator[tuple[int, Record]]:
    """The rows below the first one, which has the names. Blank lines are left out."""
    header: list[str] = []
    for number, row in rows:
        if not header:
            header = row
            _check_header(path, header)
        elif row and len(row) != len(header):
            raise ValueError(
                f"{path}, line {number}: expected {len(header)} columns, got "
                f"{len(row)}."
            )
        elif row:
            yield number, dict(zip(header, row, strict=True))


def _check_header(path: Path, header: list[str]) -> None:
    if "\r" in "".join(header):
        raise ValueError(
            f"{path}: expected a line feed after each row, got carriage returns. "
            "Save the file with the line ends of Unix or Windows."
        )
    if len(set(header)) < len(header):
        raise ValueError(
            f"{path}: expected columns of different names, got {', '.join(header)}."
        )


def _open(path: Path) -> TextIO:
    """Only a line feed ends a line: a cell may have a carriage return inside."""
    return path.open(encoding="utf-8-sig", newline="\n")
