"""A name in a text -> what its surroundings say of it."""

from __future__ import annotations

import re

from .marked import Mark

COMPARED = re.compile(
    r"\s?(=|==|!=|<|>|<=|>=) ?\S|\s(is|are) (None|True|False|not None|an? )"
)
CONDITION = re.compile(r"\b([Ii]f|[Ww]hen|unless|parameter|argument)\s+$")
VERB = re.compile(r"\s(is|are|must|should|has|contains)\b")


def mark_at(marks: tuple[Mark, ...], position: int) -> Mark | None:
    """The mark that covers an offset."""
    for mark in marks:
        if mark.start <= position < mark.end:
            return mark
    return None


def is_part_of_compound(text: str, match: re.Match[str]) -> bool:
    """The x of "x-axis", the dict of "dict-like"."""
    before, after = text[: match.start()][-2:], text[match.end() :][:2]
    return bool(re.fullmatch(r"-\w", after) or re.fullmatch(r"\w-", before))


def in_name_position(text: str, match: re.Match[str]) -> bool:
    """The word is used as a name: "if axis is None", "len(x)", without an article."""
    before = text[max(0, match.start() - 20) : match.start()]
    after = text[match.end() : match.end() + 20]
    if re.search(r"\w\($", before) or COMPARED.match(after):
        return True
    return bool(CONDITION.search(before) and VERB.match(after))


def in_string(text: str, start: int, position: int) -> bool:
    """Whether a quotation that began behind `start` is still open."""
    before = text[start:position]
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1


def starts_sentence(text: str, position: int) -> bool:
    """Whether a capital letter says nothing there."""
    return re.search(r"(^|[.:!?-]\s|[\"(])$", text[:position]) is not None
