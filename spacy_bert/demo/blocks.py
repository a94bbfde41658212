"""A docstring -> its blocks in order: paragraphs of prose and documented entries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .code_blocks import drop_code, indent_of
from .entries import Entry, join_lines, read_entries, read_sphinx
from .sections import split_sections
from .sentences import STARTER

BULLET = re.compile(
    r"\s*((?:[-*+\u2022o]\s+)*[-*+\u2022o]|\(?\d{1,2}[.)]|\(?[a-z]\)|#\.)\s+(?=\S)"
)
#: A list item, or a field of the Sphinx style.
STARTS = re.compile(r"\s*:\w+( [^:]*)?:\s|" + BULLET.pattern)
SIGNATURE = re.compile(r"[\w.]+\s*\(.*\)\s*(->.*|:.*)?$|[\w.\[\], ]+ = [\w.]+\(.*\)")
#: A line of bold or underscored text that heads what follows.
BOLD_LINE = re.compile(r"\s*(\*\*[^*]+\*\*|__[^_]+__|#+ .*):?\s*$")
#: What an entry of a class's docstring may look like where no heading stands above.
FREE_ENTRY = re.compile(r"[a-z_]\w* \(`[^()]*(\([^()]*\)[^()]*)*\)\s*:")


def read_blocks(text: str) -> Iterator[str | Entry]:
    """Prose paragraphs as one raw line each; entries as `Entry`."""
    lines = drop_code(text.expandtabs().splitlines())
    if len(lines) > 1 and _is_summary(lines[0], lines[1]):
        lines.insert(1, "")
    for section in split_sections(lines):
        if section.kind == "drop":
            continue
        if section.kind != "prose":
            yield from read_entries(section)
            continue
        if section.is_google or _is_free_entries(section.lines):
            section.kind = "attribute" if not section.is_google else section.kind
        if section.kind == "attribute":
            section.is_google = True
            yield from read_entries(section)
            continue
        for paragraph in _paragraphs(section.lines):
            yield from _read_paragraph(paragraph)


def _read_paragraph(lines: list[str]) -> Iterator[str | Entry]:
    entries = read_sphinx(lines)
    if entries is not None:
        yield from entries
        return
    text = join_lines(lines)
    text = BULLET.sub("", text, count=1) if BULLET.match(text) else text
    if not SIGNATURE.match(text):
        yield text


def _is_summary(line: str, following: str) -> bool:
    # A first line without a full stop is a title where the next one starts anew.
    if line.rstrip().endswith((".", ",", ":", ";", "-")) or not line.strip():
        return False
    is_short = len(line) < 60 and following[:1].isupper()
    return is_short or STARTER.match(f" {following}") is not None


def _is_free_entries(lines: list[str]) -> bool:
    filled = [line for line in lines if line.strip()]
    return len(filled) > 1 and FREE_ENTRY.match(filled[0]) is not None


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """Runs of lines between blank ones; a bullet or another indent starts anew."""
    current: list[str] = []
    for line in lines:
        if BOLD_LINE.match(line):
            line = ""
        starts = STARTS.match(line) is not None or (
            len(current) > 1 and indent_of(line) != indent_of(current[-1])
        )
        if current and (not line.strip() or starts):
            yield current
            current = []
        if line.strip():
            current.append(line)
    if current:
        yield current
