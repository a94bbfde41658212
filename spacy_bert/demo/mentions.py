"""A unit's marked text -> the mentions in it, each with its label."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .docstrings import Docstring
from .marked import Mark, MarkedText
from .name_context import (
    in_name_position,
    in_string,
    is_part_of_compound,
    mark_at,
    starts_sentence,
)
from .names import Names
from .symbols import Symbols

NAME = re.compile(
    r"(?<![\w.'\"@$\\/])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?![\w\"/\\]|'(?!s\b))"
)
CALL = re.compile(r"\s?\(")
SAID_TO_BE_FUNCTION = re.compile(r"(\(\))? (method|function)s?\b")


@dataclass(frozen=True)
class Span:
    """A labelled stretch of text."""

    start: int
    end: int
    label: str


class MentionFinder:
    """Finds the mentions of one docstring; what is marked once is known throughout."""

    def __init__(
        self,
        docstring: Docstring,
        symbols: Symbols,
        classes: frozenset[str],
        ordinary: frozenset[str],
    ):
        self.names = Names(docstring, symbols, classes, ordinary)
        self.learned: dict[str, str] = {}

    def find(self, content: MarkedText) -> list[Span]:
        """All mentions in a text, in order, none overlapping."""
        spans: list[Span] = []
        for match in NAME.finditer(content.text):
            spans += self._resolve(content, match)
        return spans

    def learn(self, content: MarkedText, slot: tuple[int, int] | None) -> None:
        """Take in what is marked, so that it is known where it stands unmarked."""
        if not content.marks and not slot:
            return
        for match in NAME.finditer(content.text):
            name = match.group()
            if slot and slot[0] <= match.start() < slot[1]:
                if name[0].isupper() and name in self.names.classes:
                    self.learned[name] = self.names.label_class(name)
            elif mark_at(content.marks, match.start()) is not None:
                for span in self._resolve(content, match):
                    self.learned[name] = span.label

    def doubtful(self, content: MarkedText) -> bool:
        """Whether a parameter named like an English word stands there unmarked."""
        for match in NAME.finditer(content.text):
            if (
                match.group() in self.names.parameters
                and self.names.is_ordinary(match.group())
                and mark_at(content.marks, match.start()) is None
                and in_name_position(content.text, match)
            ):
                return True
        return False

    def _resolve(self, content: MarkedText, match: re.Match[str]) -> Iterator[Span]:
        mark = mark_at(content.marks, match.start())
        if mark is not None:
            label = self._label_marked(content.text, match, mark)
        else:
            label = self._label_plain(content.text, match)
        is_free = label == "PARAMETER" and mark is not None  # the n of "n-1"
        if label and (is_free or not is_part_of_compound(content.text, match)):
            yield Span(match.start(), match.end(), label)

    def _label_marked(self, text: str, match: re.Match[str], mark: Mark) -> str:
        if in_string(text, mark.start, match.start()):
            return ""
        called = CALL.match(text, match.end()) is not None
        whole = (match.start(), match.end()) == (mark.start, mark.end)
        told = SAID_TO_BE_FUNCTION.match(text, match.end()) is not None
        heads = match.start() == mark.start and (whole or called)
        return self.names.label_marked(
            match.group(), mark, heads=heads, called=called, told=told
        )

    def _label_plain(self, text: str, match: re.Match[str]) -> str:
        name = match.group()
        label = self.names.label_plain(name, called=text.startswith("()", match.end()))
        if label or name in self.names.parameters:
            return label
        # "Tensor" within a sentence is the class, "tensor" and "Set the ..." are words.
        is_word = name.lower() in self.names.ordinary
        if is_word and (name.islower() or starts_sentence(text, match.start())):
            return ""
        return self.learned.get(name, "")
