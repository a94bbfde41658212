"""A docstring's units -> Docs of a readable length with all their labels."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan

from .docstrings import Docstring, Symbols
from .markup import Mark, MarkedText, mask_names
from .mentions import MentionFinder, Span
from .packages import category_of
from .type_slots import BUILTIN_TYPES, GENERIC_TYPES, TypeExpression, parse_type
from .units import Unit

# Roles that mean the entry's own head, not for markup inside of the text.
HEAD_ROLES = frozenset(["param", "attribute", "return", "raise"])
N_LONGEST_CODE = 60

# Type slots as they were read; None if one is no type expression.
Parsed = dict[str, TypeExpression | None]


@dataclass(frozen=True)
class LabelledUnit:
    """One sentence or entry, masked, with mentions and type expressions."""

    text: str
    entities: tuple[Span, ...]
    types: tuple[Span, ...]


class Describer:
    """Labels docstrings; counts in `left_out` what could not be labelled and why."""

    def __init__(self, symbols: Symbols, ordinary: frozenset[str]):
        self.symbols = symbols
        self.ordinary = ordinary
        self.left_out: Counter[str] = Counter()
        self._classes: frozenset[str] = frozenset()
        self._parsed: Parsed = {}
        self._by_package: dict[str, tuple[frozenset[str], Parsed]] = {}

    def label(
        self, docstring: Docstring, units: Iterable[Unit]
    ) -> Iterator[LabelledUnit | None]:
        """Yield the units that can be labelled in full, and None for each other one."""
        units = list(units)
        if not any(is_marked_up(unit) for unit in units):
            self.left_out["docstrings without markup"] += 1
            return
        self._see_from(docstring.package)
        finder = MentionFinder(docstring, self.symbols, self._classes, self.ordinary)
        for unit in units:
            finder.learn(unit.content, unit.slot)
        for unit in units:
            reason = self._why_not(docstring, unit, finder)
            if reason:
                self.left_out[reason] += 1
                yield None
                continue
            yield self._label(unit, finder)

    def _see_from(self, package: str) -> None:
        if package not in self._by_package:
            classes = self.symbols.classes_seen_from(package)
            self._by_package[package] = (classes, {})
        self._classes, self._parsed = self._by_package[package]

    def _why_not(self, docstring: Docstring, unit: Unit, finder: MentionFinder) -> str:
        text = unit.content.text
        if unit.kind in ("param", "attribute") and unit.name:
            name = text[slice(*unit.name)]
            if name not in docstring.parameters:
                return "entries of names that the signature does not have"
        if unit.kind == "raise" and unit.name:
            if not self.symbols.is_exception(text[slice(*unit.name)]):
                return "entries of unknown exceptions"
        if unit.slot and self._parse_slot(text[slice(*unit.slot)]) is None:
            return "entries whose type is not understood"
        if any(_is_long_code(mark, unit) for mark in unit.content.marks):
            return "sentences with long code"
        if finder.doubtful(unit.content):
            return "sentences that name a parameter without marking it"
        return ""

    def _parse_slot(self, slot: str) -> TypeExpression | None:
        if slot not in self._parsed:
            self._parsed[slot] = parse_type(slot, self._classes.__contains__)
        return self._parsed[slot]

    def _label(self, unit: Unit, finder: MentionFinder) -> LabelledUnit:
        text = unit.content.text
        entities = finder.find(unit.content)
        parsed = self._parse_slot(text[slice(*unit.slot)]) if unit.slot else None
        if unit.slot is None or parsed is None:
            return _mask(text, entities, [])
        shift = unit.slot[0]
        whole = Span(parsed.start + shift, parsed.end + shift, "TYPE_EXPR")
        types = [Span(s + shift, e + shift, "TYPE") for s, e in parsed.types]
        named = [Span(s.start, s.end, self._kind(text[s.start : s.end])) for s in types]
        # Within the expression only its types and the parameters count.
        others = [
            entity
            for entity in entities
            if not _overlaps(entity, named)
            and (entity.label == "PARAMETER" or not _overlaps(entity, [whole]))
        ]
        return _mask(text, others + named, [whole, *types])

    def _kind(self, name: str) -> str:
        last = name.rsplit(".", 1)[-1]
        if last in BUILTIN_TYPES or last in GENERIC_TYPES:
            return "TYPE"
        if self.symbols.is_exception(last):
            return "EXCEPTION"
        is_class = last[0].isupper() and last in self._classes
        return "CLASS" if is_class or last == "ndarray" else "TYPE"


def is_marked_up(unit: Unit) -> bool:
    """Whether the writer marked anything inside of the text."""
    return any(mark.role not in HEAD_ROLES for mark in unit.content.marks)


def _is_long_code(mark: Mark, unit: Unit) -> bool:
    in_slot = unit.slot is not None and mark.end <= unit.slot[1]
    return mark.end - mark.start > N_LONGEST_CODE and not in_slot


def _overlaps(span: Span, others: list[Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)


def _mask(text: str, entities: list[Span], types: list[Span]) -> LabelledUnit:
    marks = [Mark(s.start, s.end, s.label, "entity") for s in entities]
    marks += [Mark(s.start, s.end, s.label, "type") for s in types]
    masked = mask_names(MarkedText(text, tuple(marks)))
    spans: dict[str, list[Span]] = {"entity": [], "type": []}
    for mark in masked.marks:
        spans[mark.target].append(Span(mark.start, mark.end, mark.role))
    entities = sorted(spans["entity"], key=lambda span: span.start)
    return LabelledUnit(masked.text, tuple(entities), tuple(spans["type"]))


SPANS_KEY = "sc"
N_FEWEST_TOKENS = 15
N_MOST_TOKENS = 120
# A docstring gives at most this many Docs, so that long ones do not prevail.
N_DOCS_EACH = 4


# A labelled unit and its number of tokens.
Sized = tuple[LabelledUnit, int]


@dataclass(frozen=True)
class Candidate:
    """A Doc and the keys of its sentences, by which copies are found."""

    doc: Doc
    keys: tuple[str, ...]


def make_docs(
    nlp: Language,
    describer: Describer,
    described: Iterable[tuple[Docstring, list[Unit]]],
    categories: Sequence[str],
) -> Iterator[Candidate]:
    """Docs with categories, entities and spans, in the order of the docstrings."""
    for docstring, units in described:
        category = category_of(docstring.package)
        labelled = describer.label(docstring, units)
        aligned = _only_aligned(nlp, labelled, describer.left_out)
        for chunk in islice(_chunks(aligned), N_DOCS_EACH):
            doc = _make_doc(nlp, [unit for unit, _ in chunk])
            doc.cats = {name: float(name == category) for name in categories}
            yield Candidate(doc, tuple(key_of(unit.text) for unit, _ in chunk))


def _only_aligned(
    nlp: Language, units: Iterable[LabelledUnit | None], left_out: Counter[str]
) -> Iterator[Sized | None]:
    """Yield each unit with its number of tokens, or None if spans cut tokens."""
    for unit in units:
        if unit is None:
            yield None
            continue
        unit = replace(unit, text=_closed(unit.text))
        doc = nlp.make_doc(unit.text)
        try:
            _align(doc, [*unit.entities, *unit.types])
        except ValueError:
            left_out["sentences that do not align with tokens"] += 1
            yield None
        else:
            yield unit, len(doc)


def _chunks(units: Iterable[Sized | None]) -> Iterator[list[Sized]]:
    """Runs of units; a gap ends a run, since the text does not go on there."""
    chunk: list[Sized] = []
    for sized in units:
        n_tokens = sum(n for _, n in chunk)
        if sized is None or n_tokens + sized[1] > N_MOST_TOKENS:
            if n_tokens >= N_FEWEST_TOKENS:
                yield chunk
            chunk = []
        if sized is not None and sized[1] <= N_MOST_TOKENS:
            chunk.append(sized)
    if sum(n for _, n in chunk) >= N_FEWEST_TOKENS:
        yield chunk


def _make_doc(nlp: Language, units: list[LabelledUnit]) -> Doc:
    text = " ".join(unit.text for unit in units)
    entities: list[Span] = []
    types: list[Span] = []
    shift = 0
    for unit in units:
        entities += [
            Span(s.start + shift, s.end + shift, s.label) for s in unit.entities
        ]
        types += [Span(s.start + shift, s.end + shift, s.label) for s in unit.types]
        shift += len(unit.text) + 1
    doc = nlp.make_doc(text)
    doc.set_ents(_align(doc, entities), default="outside")
    doc.spans[SPANS_KEY] = _align(doc, types)
    return doc


def _closed(text: str) -> str:
    text = text if text[-1] in ".!?" else f"{text}."
    # "G." would be one token, an initial, though the graph G is meant
    return re.sub(r"(?<![\w.])([A-Za-z])\.$", r"\1 .", text)


def _align(doc: Doc, spans: list[Span]) -> list[DocSpan]:
    aligned = []
    for span in spans:
        found = doc.char_span(span.start, span.end, label=span.label)
        if found is None:
            raise ValueError(f"{span} does not end where tokens end in {doc.text!r}")
        aligned.append(found)
    return aligned


NAME_LIKE = re.compile(r"\b\w*(?:[a-z][A-Z]|[A-Z]{2}|\d)\w*\b|\b[a-z]+_\w+\b")
NOT_LETTERS = re.compile(r"[^a-z#]+")


def key_of(text: str) -> str:
    """The text without case, punctuation and names of the code."""
    return NOT_LETTERS.sub(" ", NAME_LIKE.sub("#", text).lower()).strip()
