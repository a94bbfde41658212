"""CSV and TSV files -> the cells of one column."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ..sections import expect
from .sources import COMPRESSED, Source

# A cell whose closing quote is missing reaches to the end of the file. While it is
# read, a character takes 4 bytes or more.
MAX_CELL_CHARS = 1 << 24


def read_column(
    source: Source, name: str, *, delimiter: str | None, quoted: bool | None
) -> Iterator[str]:
    """The cells below `name` in the first row, from the second row on.

    delimiter: by default a tab if the file's name ends in .tsv, else a comma.
    quoted: whether a cell in double quotes may have delimiters and line ends inside; by
        default not if the delimiter is a tab.

    Raises ValueError, with the line, if a row has not as many cells as the first one.
    """
    if delimiter is None:
        delimiter = "\t" if _suffix(source) == ".tsv" else ","
    setting = "[corpus.settings] delimiter"
    expect(
        len(delimiter) == 1, setting=setting, expected="one character", got=delimiter
    )
    if quoted is None:
        quoted = delimiter != "\t"
    rows = _quoted_rows(source, delimiter) if quoted else _plain_rows(source, delimiter)
    _, header = next(rows, (0, None))
    if header is None:
        return
    column = _find_column(header, name, source)
    for number, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"{source.path}, line {number}: expected {len(header)} cells, as in "
                f"the first row, got {len(row)}. {_advice(quoted)}"
            )
        yield row[column]


def _plain_rows(source: Source, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Only a line feed ends a row: a cell may have a carriage return inside."""
    for number, line in enumerate(_lines(source), start=1):
        if line.strip("\r\n"):
            yield number, line.removesuffix("\n").removesuffix("\r").split(delimiter)


def _quoted_rows(source: Source, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # The limit of a cell is one for the whole process, and 131,072 characters at first.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARS))
    rows = csv.reader(_lines(source), delimiter=delimiter, strict=True)
    try:
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise ValueError(
            f"{source.path}, line {rows.line_num}: {error}. {_advice(True)}"
        ) from error


def _lines(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.raw_lines()):
        yield line if number else line.lstrip("\ufeff")


def _find_column(header: list[str], name: str, source: Source) -> int:
    header = [cell.strip() for cell in header]
    if header.count(name) != 1:
        raise ValueError(
            f"{source.path}: expected one column {name!r} in the first row, got "
            f"{' | '.join(header)[:200]!r}. Name the column of the text under "
            "[corpus.settings]: field = ...; and what is between cells, if it is no "
            "comma, and no tab in a .tsv file: delimiter = ..."
        )
    return header.index(name)


def _advice(quoted: bool) -> str:
    if quoted:
        return (
            "If quotes in this file are plain characters, set quoted = false under "
            "[corpus.settings]."
        )
    return (
        "If cells in quotes may have tabs or line ends inside, set quoted = true under "
        "[corpus.settings]."
    )


def _suffix(source: Source) -> str:
    path = Path(source.path)
    return (path.with_suffix("") if path.suffix in COMPRESSED else path).suffix.lower()
