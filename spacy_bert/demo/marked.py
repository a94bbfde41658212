"""Text with the places that markup marked, and edits that keep both in step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Mark(NamedTuple):
    """A stretch of text that was marked up; `role` says how ("code", "func", ...)."""

    start: int
    end: int
    role: str
    target: str = ""

    def at(self, start: int, end: int) -> Mark:
        """The same mark elsewhere."""
        return Mark(start, end, self.role, self.target)


@dataclass(frozen=True)
class MarkedText:
    """Plain text and its marks, in order of their start."""

    text: str
    marks: tuple[Mark, ...] = ()

    def cut(self, start: int, end: int) -> MarkedText:
        """The part between two offsets, without spaces at its ends."""
        piece = self.text[start:end]
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        marks = [
            mark.at(mark.start - start, mark.end - start)
            for mark in self.marks
            if start <= mark.start and mark.end <= end
        ]
        return MarkedText(self.text[start:end], tuple(marks))

    def edit(
        self, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]
    ) -> MarkedText:
        """Replace every match; marks keep their place, empty ones go."""
        edits: list[tuple[int, int, int]] = []
        pieces: list[str] = []
        position = 0
        for match in pattern.finditer(self.text):
            new = replacement(match)
            pieces += [self.text[position : match.start()], new]
            edits.append((match.start(), match.end(), len(new)))
            position = match.end()
        if not edits:
            return self
        pieces.append(self.text[position:])
        marks = [
            mark.at(moved(mark.start, edits), moved(mark.end, edits))
            for mark in self.marks
        ]
        kept = tuple(mark for mark in marks if mark.start < mark.end)
        return MarkedText("".join(pieces), kept)


def join(parts: Iterable[MarkedText]) -> MarkedText:
    """One text out of several, nothing put between them."""
    text = ""
    marks: list[Mark] = []
    for part in parts:
        marks += [
            mark.at(mark.start + len(text), mark.end + len(text)) for mark in part.marks
        ]
        text += part.text
    return MarkedText(text, tuple(marks))


def moved(offset: int, edits: list[tuple[int, int, int]]) -> int:
    """Where an offset lies after edits (start, end, new length), sorted by start."""
    shift = 0
    for start, end, length in edits:
        if offset <= start:
            break
        if offset < end:  # inside what was replaced: snap to the replacement's end
            return start + shift + length
        shift += length - (end - start)
    return offset + shift
