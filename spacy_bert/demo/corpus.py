"""The docstrings of the train side -> documents of sentences, one sentence a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .docstrings import Docstring
from .duplicates import key_of
from .units import Unit, is_prose

#: From this many sentences on, a docstring is a document of its own.
N_OWN_DOCUMENT = 4
N_LONGEST_LINE = 600


def build_documents(
    described: Iterable[tuple[Docstring, list[Unit]]], seen: set[str]
) -> Iterator[list[str]]:
    """Long docstrings alone, the short ones of one class or module together.

    `seen` holds the keys of sentences that must not come (again).
    """
    pool: list[str] = []
    pooled_for = ""
    for docstring, units in described:
        owner = f"{docstring.module}:{docstring.owner}"
        if owner != pooled_for:
            yield from _document(pool)
            pool, pooled_for = [], owner
        lines = list(_new_lines(units, seen))
        if len(lines) >= N_OWN_DOCUMENT:
            yield lines
        else:
            pool += lines
    yield from _document(pool)


def _document(lines: list[str]) -> Iterator[list[str]]:
    if len(lines) > 1:  # a lone sentence has no next one
        yield lines


def _new_lines(units: Iterable[Unit], seen: set[str]) -> Iterator[str]:
    for unit in units:
        text = unit.content.text
        key = key_of(text)
        if (
            not unit.is_described
            or key in seen
            or len(text) > N_LONGEST_LINE
            or not is_prose(text)
        ):
            continue
        seen.add(key)
        yield text
