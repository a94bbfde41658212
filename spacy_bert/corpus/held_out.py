"""Which text is held out: a document -> the lines to train on, the lines held out.

Documents are held out whole, by a number that only their text decides. If a corpus has
fewer than four documents, or copies of one, that would leave too few: then the end of
each document is held out.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nextafter
from typing import Any

from .duplicates import hash_text

# Where a line may be cut if it holds more than one sentence.
_ENDS = re.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])")


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """below: documents whose hash is lower are held out.
    ratio: of each other document, how much of its end is held out.
    one_a_line: whether a line is a sentence, which is not cut.
    """

    below: float
    ratio: float = 0.0
    one_a_line: bool = False

    def divide(self, lines: list[str]) -> tuple[list[str], list[str]]:
        """-> the lines to train on and those held out; one of them may be empty."""
        if split_hash(lines) < self.below:
            return [], lines
        if not self.ratio:
            return lines, []
        return cut_end(lines, self.ratio, one_a_line=self.one_a_line)

    def record(self) -> list[Any]:
        """Fit for JSON."""
        return [self.below, self.ratio, self.one_a_line]


def split_hash(lines: Sequence[str]) -> float:
    """A number in [0, 1) that only the text decides, so that documents which are held
    out stay so when the corpus grows."""
    return hash_text("\n".join(lines))


def choose_held_out(
    documents: Iterable[list[str]], prob: float, *, one_a_line: bool
) -> HeldOut:
    """Hold out documents with a hash below `prob`, or those with the lowest hashes, so
    that two are held out and two are left. If there are too few, or copies of one, hold
    out the end of each; if all have one sentence, the document with the lowest hash.

    Reads no further once two documents of each kind are found.
    """
    lowest: list[float] = []
    highest: list[float] = []
    n_below = n_others = 0
    can_cut = False
    for lines in documents:
        if not _has_words(lines):
            continue
        hashed = split_hash(lines)
        if hashed < prob:
            n_below += 1
        else:
            n_others += 1
        if min(n_below, n_others) >= 2:
            return HeldOut(below=prob)
        lowest = sorted([*lowest, hashed])[:2]
        highest = sorted([*highest, hashed])[-2:]
        can_cut = can_cut or bool(cut_end(lines, prob, one_a_line=one_a_line)[1])
    if len(lowest) == 2 and lowest[1] < highest[0]:
        below = min(max(prob, nextafter(lowest[1], 1.0)), highest[0])
        return HeldOut(below=below)
    if not can_cut and len(lowest) == 2 and lowest[0] < highest[1]:
        return HeldOut(below=nextafter(lowest[0], 1.0))
    return HeldOut(below=0.0, ratio=prob, one_a_line=one_a_line)


def cut_end(
    lines: list[str], ratio: float, *, one_a_line: bool
) -> tuple[list[str], list[str]]:
    """The document without its last sentences, and these: `ratio` of them, at least two
    if it has four, else one. A single sentence is not cut.

    Sentences are the lines, or else end where a full stop, or the like, does: the text
    is not split yet.
    """
    starts = [
        (number, start)
        for number, line in enumerate(lines)
        if _has_words([line])
        for start in _sentence_starts(line, one_a_line)
    ]
    n_cut = min(max(round(len(starts) * ratio), 2), len(starts) // 2)
    if n_cut == 0:
        return lines, []
    number, start = starts[-n_cut]
    before = lines[number][:start].rstrip()
    kept = [*lines[:number], before] if before else lines[:number]
    return kept, [lines[number][start:], *lines[number + 1 :]]


def _sentence_starts(line: str, one_a_line: bool) -> list[int]:
    if one_a_line:
        return [0]
    ends = (match.end() for match in _ENDS.finditer(line))
    return [0, *(end for end in ends if end < len(line))]


def _has_words(lines: list[str]) -> bool:
    """Whether any character is left when text is normalized: no space, control or
    combining mark."""
    return any(
        unicodedata.category(c)[0] not in "CZM" and c != "\ufffd"
        for line in lines
        for c in line
    )
