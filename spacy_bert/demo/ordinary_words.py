"""All prose -> the words that are ordinary English in it, not names of the code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from .docstrings import Docstring
from .units import Unit

WORD = re.compile(r"(?<![\w.-])[A-Za-z]{2,}(?![\w(=.-]\w)")
#: In so many docstrings a word stands unmarked without being a parameter.
N_DOCSTRINGS = 3


def find_ordinary_words(
    described: Iterable[tuple[Docstring, list[Unit]]],
) -> frozenset[str]:
    """Words that writers use without markup where no parameter has their name."""
    counts: Counter[str] = Counter()
    for docstring, units in described:
        words: set[str] = set()
        for unit in units:
            words.update(WORD.findall(_unmarked(unit)))
        words.difference_update(docstring.parameters)
        counts.update(word.lower() for word in words)
    return frozenset(word for word, n in counts.items() if n >= N_DOCSTRINGS)


def _unmarked(unit: Unit) -> str:
    text = unit.content.text
    pieces = []
    position = unit.slot[1] if unit.slot else 0
    for mark in unit.content.marks:
        if mark.start >= position:
            pieces.append(text[position : mark.start])
            position = mark.end
    pieces.append(text[position:])
    return " ".join(pieces)
