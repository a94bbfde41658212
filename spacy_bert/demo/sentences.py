"""A paragraph of prose -> its sentences, cut where a reader would."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .marked import MarkedText

END = re.compile(r"[.!?][)\"']*\s+(?=[\"'(]?[A-Z0-9_`])|[.!?]\s+(?=[a-z_]+\w*\s)")
ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|resp|approx|Eq|eq|eqn|Fig|fig|Sec|sec|Ref|ref|No|no"
    r"|Dr|Prof|St|Mr|Mrs|al|pp|vol|Vol|Inc|Ltd|Jr|viz|incl|excl|max|min|dept|ed|esp"
    r"|N\.B|w\.r\.t|a\.k\.a|i\.i\.d))\.$"
)


INITIAL = re.compile(r"\b[A-Z]\.$")
#: What starts a sentence, so that the letter before is a name and no initial.
STARTER = re.compile(
    r"\s+(If|The|This|That|It|Its|For|An?|In|When|Returns?|Note|Defaults?|Otherwise|Must"
    r"|Only|Each|See|There|These|Here|Also|By|We|You|Not|No|However|Thus|To|On|Two|One)\b"
)


def split_sentences(paragraph: MarkedText) -> Iterator[MarkedText]:
    """Cut behind closing punctuation, never inside of a mark or an abbreviation."""
    start = 0
    text = paragraph.text
    for match in END.finditer(text):
        end = match.start() + len(match.group().rstrip())
        if _is_end(paragraph, match.start(), start):
            following = text[match.end() : match.end() + 1]
            if following.islower() and not _starts_mark(paragraph, match.end()):
                continue
            yield paragraph.cut(start, end)
            start = match.end()
    if text[start:].strip():
        yield paragraph.cut(start, len(text))


def _is_end(paragraph: MarkedText, position: int, start: int) -> bool:
    before = paragraph.text[start : position + 1]
    if INITIAL.search(before) and not STARTER.match(paragraph.text, position + 1):
        return False
    if any(mark.start <= position < mark.end for mark in paragraph.marks):
        return False
    if ABBREVIATION.search(before):
        return False
    return before.count("(") <= before.count(")")


def _starts_mark(paragraph: MarkedText, position: int) -> bool:
    return any(mark.start == position for mark in paragraph.marks)
