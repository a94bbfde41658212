"""A docstring's blocks -> units: clean sentences and entries as one reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .blocks import read_blocks
from .entries import Entry
from .marked import Mark, MarkedText, join
from .markup import space_brackets, strip_markup
from .sentences import split_sentences
from .type_expressions import parse_type

#: What marks a line as something else than description, in lower case.
JUNK_WORDS = (
    *("todo:", "todo(", "xxx", "fixme", "copyright", "license", "licence", "doctest"),
    *("%(", "->", "=>", "===", "---", "##", "....", "//", "\\\\"),
)
JUNK = re.compile(
    r"(?=[^a-z ])(?:[^\x00-\x7f\u00c0-\u017f\u2013\u2014\u2018-\u201d]|@[\w-]+\.\w)"
)
POINTER = re.compile(r"(see|refs?|cf|source|from|credits?)\b[^.]{0,40}[.:]?$", re.I)
#: Words that no finished sentence ends with.
UNFINISHED = re.compile(
    r"\b(a|an|the|by|then|that|and|or|if|with|where|as|is|are|of|for|to|in|following|than"
    r"|when|but|so|e\.g|i\.e|like|from|at|on|have|use|which|via|see|eg|ie)\.?$",
    re.IGNORECASE,
)
#: How long a line may be that has no full stop; longer if it is the summary.
N_TITLE = (60, 100)
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")


@dataclass(frozen=True)
class Unit:
    """A sentence, or an entry's head with the first sentence of its description."""

    content: MarkedText
    #: offsets of the type slot and of the entry's name, where it is an entry
    slot: tuple[int, int] | None = None
    name: tuple[int, int] | None = None
    kind: str = "prose"
    #: whether there is more than the head of an entry
    is_described: bool = True


def read_units(text: str) -> Iterator[Unit]:
    """What is prose, in order; the rest is left out without a trace."""
    for index, block in enumerate(read_blocks(text)):
        if isinstance(block, Entry):
            yield from _entry_units(block)
        else:
            yield from _prose_units(block, is_summary=index == 0)


def is_prose(text: str, n_words: int = 4) -> bool:
    """Whether a line reads as a sentence: words, few signs, an end."""
    words = WORD.findall(text)
    letters = sum(map(len, words))
    return (
        len(words) >= n_words
        and letters >= 0.62 * len(text.replace(" ", ""))
        and not text.endswith((":", ",", ";", "(", "-", "="))
        and text.count("(") == text.count(")")
        and text.count('"') % 2 == 0
        and not is_junk(text)
        and POINTER.match(text) is None
        and UNFINISHED.search(text[-12:]) is None
    )


def is_junk(text: str) -> bool:
    """Whether there is a note to the writers, an address, a drawing in the text."""
    lowered = text.lower()
    return any(word in lowered for word in JUNK_WORDS) or bool(JUNK.search(text))


def _prose_units(raw: str, is_summary: bool = False) -> Iterator[Unit]:
    paragraph = strip_markup(raw)
    found = split_sentences(paragraph) if paragraph else _readable(raw)
    sentences = list(found)
    for sentence in sentences:
        is_title = len(sentences) == 1 and len(sentence.text) < N_TITLE[is_summary]
        if not sentence.text.endswith((".", "!", "?", '."', ".)")) and not is_title:
            continue  # a formula or code stood behind it
        if is_prose(sentence.text) and _starts_well(sentence):
            yield Unit(sentence)


def _readable(raw: str) -> Iterator[MarkedText]:
    # One bad sentence spoils only itself.
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z`:*\[])", raw):
        stripped = strip_markup(sentence)
        if stripped is not None:
            yield stripped


def _starts_well(sentence: MarkedText) -> bool:
    first = sentence.text[0]
    if first.isupper() or first.isdigit() or first in "\"'(":
        return True
    return any(mark.start == 0 for mark in sentence.marks)


def _entry_units(entry: Entry) -> Iterator[Unit]:
    if entry.kind == "return" and not entry.name and not _may_be_type(entry.slot):
        if " : " in entry.slot:  # a head of several names
            return
        colon = ":" if entry.slot and entry.style == "google" else ""
        yield from _prose_units(f"{entry.slot}{colon} {entry.text}".strip())
        return
    slot = strip_markup(space_brackets(entry.slot))
    described = strip_markup(entry.text)
    if slot is None or described is None or len(slot.text) > 150:
        return
    sentences = list(split_sentences(described))
    while sentences and not is_prose(sentences[-1].text, n_words=2):
        sentences.pop()  # an unfinished end: "one of:"
    first = sentences[0] if sentences else MarkedText("")
    if not first.text and not entry.slot:
        return
    unit = _head(entry, slot, first)
    if not is_junk(unit.content.text):
        yield unit
        for sentence in sentences[1:]:
            if is_prose(sentence.text) and _starts_well(sentence):
                yield Unit(sentence)


def _may_be_type(slot: str) -> bool:
    # Without a name in front, the head may be the first line of a sentence.
    stripped = strip_markup(slot)
    return (
        stripped is not None and parse_type(stripped.text, str.isidentifier) is not None
    )


def _head(entry: Entry, slot: MarkedText, first: MarkedText) -> Unit:
    """`x (int): text`, `x : int - text`, `Returns int: text`, `Raises X: text`."""
    lead = {"return": "Returns ", "raise": "Raises "}.get(entry.kind, "")
    if entry.kind == "return" and entry.name:
        lead = ""
    if not slot.text and not entry.name:
        return Unit(first, kind="prose")
    name_start = len(lead)
    name = MarkedText(
        lead + entry.name,
        (Mark(name_start, name_start + len(entry.name), entry.kind),)
        if entry.name
        else (),
    )
    numpy_style = entry.style == "numpy" and entry.name and slot.text
    between = ""
    if entry.name and slot.text:
        between = " : " if numpy_style else " ("
    after = ""
    if first.text:
        after = "): " if between == " (" else ": "
        if numpy_style or (not between and slot.text.endswith(")")):
            after = " - "  # "):" would be one token
    elif between == " (":
        after = ")"
    content = join([name, MarkedText(between), slot, MarkedText(after), first])
    slot_start = len(name.text) + len(between)
    return Unit(
        content,
        (slot_start, slot_start + len(slot.text)) if slot.text else None,
        (name_start, name_start + len(entry.name)) if entry.name else None,
        entry.kind,
        is_described=bool(first.text),
    )
