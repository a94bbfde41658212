"""Lines of a docstring -> the same lines without code, tables, formulas, directives."""

from __future__ import annotations

import re
from collections.abc import Callable

FENCE = re.compile(r"\s*(```|~~~)")
DIRECTIVE = re.compile(r"(\s*)\.\. +(?P<name>[\w-]+)::(?P<rest>.*)")
COMMENT = re.compile(r"\s*\.\.(\s|$)")
TABLE = re.compile(r"\s*(\+[-=+]{3,}\+?|[-=]{2,}(\s+[-=]{2,})+|\|.*\|?)\s*$")
TAG_LINE = re.compile(r"\s*</?[A-Za-z][^>]*>\s*$")
#: Directives whose body is prose.
NOTES = frozenset("note warning tip important caution hint attention".split())


def drop_code(lines: list[str]) -> list[str]:
    """Leave prose, lists and section headings; blank lines stand for what went."""
    kept: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        directive = DIRECTIVE.match(line)
        if FENCE.match(line):
            position = (
                _skip(lines, position + 1, lambda text: not FENCE.match(text)) + 1
            )
        elif line.lstrip().startswith((">>>", "...", "In [")):
            position = _skip(lines, position, lambda text: bool(text.strip()))
        elif directive:
            end = _indented_end(lines, position)
            if directive["name"] in NOTES:
                kept += ["", directive["rest"].strip()]
                kept += _dedented(drop_code(lines[position + 1 : end]))
            position = end
        elif COMMENT.match(line):
            position = _indented_end(lines, position)
        elif TABLE.match(line) and not _is_underline(lines, position):
            position = _skip(lines, position, lambda text: bool(text.strip()))
        elif TAG_LINE.match(line):
            position += 1
        elif line.rstrip().endswith("::"):
            kept.append(line.rstrip()[:-1] if line.strip() != "::" else "")
            position = _indented_end(lines, position)
        else:
            kept.append(line)
            position += 1
            continue
        kept.append("")
    return kept


def indent_of(line: str) -> int:
    """Number of leading spaces."""
    return len(line) - len(line.lstrip())


def _skip(lines: list[str], start: int, goes_on: Callable[[str], bool]) -> int:
    while start < len(lines) and goes_on(lines[start]):
        start += 1
    return start


def _indented_end(lines: list[str], start: int) -> int:
    # The lines that belong to the one at `start`: blank or indented deeper.
    indent = indent_of(lines[start])
    end = start + 1
    while end < len(lines) and (
        not lines[end].strip() or indent_of(lines[end]) > indent
    ):
        end += 1
    return end


def _dedented(lines: list[str]) -> list[str]:
    indents = [indent_of(line) for line in lines if line.strip()]
    margin = min(indents, default=0)
    return [line[margin:] for line in lines]


def _is_underline(lines: list[str], position: int) -> bool:
    # "=== ===" is a table's border, "-----" below a line of text a heading's.
    line = lines[position].strip()
    return " " not in line and "|" not in line and "+" not in line
