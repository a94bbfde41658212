"""A docstring -> units: clean sentences, and entries as one reads them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .docstrings import Docstring
from .markup import Mark, MarkedText, join, space_brackets, strip_markup
from .sections import (
    Entry,
    drop_code,
    indent_of,
    join_lines,
    read_entries,
    read_sphinx,
    split_sections,
)
from .type_slots import parse_type

# What marks a line as something else than description, in lower case.
JUNK_WORDS = (
    *("todo:", "todo(", "xxx", "fixme", "copyright", "license", "licence", "doctest"),
    *("%(", "->", "=>", "===", "---", "##", "....", "//", "\\\\"),
)
JUNK = re.compile(
    r"(?=[^a-z ])(?:[^\x00-\x7f\u00c0-\u017f\u2013\u2014\u2018-\u201d]|@[\w-]+\.\w)"
)
POINTER = re.compile(r"(see|refs?|cf|source|from|credits?)\b[^.]{0,40}[.:]?$", re.I)
# Words that no finished sentence ends with.
UNFINISHED = re.compile(
    r"\b(a|an|the|by|then|that|and|or|if|with|where|as|is|are|of|for|to|in|following|than"
    r"|when|but|so|e\.g|i\.e|like|from|at|on|have|use|which|via|see|eg|ie)\.?$",
    re.IGNORECASE,
)
# How long a line may be that has no full stop; longer if it is the summary.
N_TITLE = (60, 100)
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")


@dataclass(frozen=True)
class Unit:
    """A sentence, or an entry's head with the first sentence of its description."""

    content: MarkedText
    # offsets of the type slot and of the entry's name, if it is an entry
    slot: tuple[int, int] | None = None
    name: tuple[int, int] | None = None
    kind: str = "prose"
    # whether there is more than the head of an entry
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


BULLET = re.compile(
    r"\s*((?:[-*+\u2022o]\s+)*[-*+\u2022o]|\(?\d{1,2}[.)]|\(?[a-z]\)|#\.)\s+(?=\S)"
)
# A list item, or a field of the Sphinx style.
STARTS = re.compile(r"\s*:\w+( [^:]*)?:\s|" + BULLET.pattern)
SIGNATURE = re.compile(r"[\w.]+\s*\(.*\)\s*(->.*|:.*)?$|[\w.\[\], ]+ = [\w.]+\(.*\)")
# A line of bold or underscored text that heads what follows.
BOLD_LINE = re.compile(r"\s*(\*\*[^*]+\*\*|__[^_]+__|#+ .*):?\s*$")
# What an entry of a class's docstring may look like if no heading is above it.
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
    # A first line without a full stop is a title if the next one starts a sentence.
    if line.rstrip().endswith((".", ",", ":", ";", "-")) or not line.strip():
        return False
    is_short = len(line) < 60 and following[:1].isupper()
    return is_short or STARTER.match(f" {following}") is not None


def _is_free_entries(lines: list[str]) -> bool:
    filled = [line for line in lines if line.strip()]
    return len(filled) > 1 and FREE_ENTRY.match(filled[0]) is not None


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """Runs of lines between blank ones; a bullet or another indent starts a new one."""
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


END = re.compile(r"[.!?][)\"']*\s+(?=[\"'(]?[A-Z0-9_`])|[.!?]\s+(?=[a-z_]+\w*\s)")
ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|resp|approx|Eq|eq|eqn|Fig|fig|Sec|sec|Ref|ref|No|no"
    r"|Dr|Prof|St|Mr|Mrs|al|pp|vol|Vol|Inc|Ltd|Jr|viz|incl|excl|max|min|dept|ed|esp"
    r"|N\.B|w\.r\.t|a\.k\.a|i\.i\.d))\.$"
)


INITIAL = re.compile(r"\b[A-Z]\.$")
# What starts a sentence, so that the letter before is a name and no initial.
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


PLAIN_WORD = re.compile(r"(?<![\w.-])[A-Za-z]{2,}(?![\w(=.-]\w)")
# In so many docstrings a word is unmarked without being a parameter.
N_DOCSTRINGS = 3


def find_ordinary_words(
    described: Iterable[tuple[Docstring, list[Unit]]],
) -> frozenset[str]:
    """Return words that writers use without markup if no parameter has that name."""
    counts: Counter[str] = Counter()
    for docstring, units in described:
        words: set[str] = set()
        for unit in units:
            words.update(PLAIN_WORD.findall(_unmarked(unit)))
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
