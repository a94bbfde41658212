"""Labelled units of one docstring -> spaCy Docs of a readable length."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan

from .descriptions import Describer, LabelledUnit
from .docstrings import Docstring
from .duplicates import key_of
from .mentions import Span
from .units import Unit

SPANS_KEY = "sc"
N_FEWEST_TOKENS = 15
N_MOST_TOKENS = 120
#: A docstring gives at most this many Docs, so that long ones do not prevail.
N_DOCS_EACH = 4


#: A labelled unit and its number of tokens.
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
    packages: Iterable[str],
) -> Iterator[Candidate]:
    """Docs with categories, entities and spans, in the order of the docstrings."""
    packages = tuple(packages)
    for docstring, units in described:
        labelled = describer.label(docstring, units)
        aligned = _only_aligned(nlp, labelled, describer.left_out)
        for chunk in islice(_chunks(aligned), N_DOCS_EACH):
            doc = _make_doc(nlp, [unit for unit, _ in chunk])
            doc.cats = {name: float(name == docstring.package) for name in packages}
            yield Candidate(doc, tuple(key_of(unit.text) for unit, _ in chunk))


def _only_aligned(
    nlp: Language, units: Iterable[LabelledUnit | None], left_out: Counter[str]
) -> Iterator[Sized | None]:
    """Each unit with its number of tokens; None where spans cut through tokens."""
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
