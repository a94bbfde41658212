"""Texts -> those on which a head is least sure: what to annotate next."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from spacy.language import Language
from spacy.pipeline import SpanCategorizer, TextCategorizer
from spacy.tokens import Doc
from spacy.util import minibatch

from .arrays import Floats, to_floats
from .ner.component import BertNer

Measure = Literal["entropy", "margin"]

# How many are kept for each one that is asked for, as near-duplicates fall away.
_N_SPARE = 20
# Words in common, of all words of two texts, from which they are near-duplicates.
_NEAR = 0.8
_LEAST = 1e-12
_N_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, order=True)
class Suggestion:
    """uncertainty: from 0, sure, to 1, as likely one as the other."""

    uncertainty: float
    text: str


def find_component(nlp: Language, name: str = "") -> str:
    """The component of this name, or the first that says how sure it is.

    Raises ValueError if there is none.
    """
    able = [one for one, component in nlp.pipeline if _reader(component)]
    if name in able or (not name and able):
        return name or able[0]
    raise ValueError(
        "Expected a bert_ner, textcat, textcat_multilabel or spancat, got "
        f"{name or ', '.join(nlp.pipe_names)}, which does not say how sure it is."
    )


def suggest(
    nlp: Language,
    texts: Iterable[str],
    *,
    n: int,
    component: str,
    measure: str = "entropy",
) -> list[Suggestion]:
    """At most n texts, the least sure first.

    component: as `find_component` gives it. measure: of the probabilities of each
        word's tag, of a text's class, or of each label; a text's uncertainty is the
        mean, so that long texts are not preferred. "entropy" is over its maximum,
        "margin" one less the lead of the likeliest (Settles 2009, section 3.1).

    Texts of which 80 % of the words are those of one that is less sure are left out.
    """
    if measure not in get_args(Measure):
        raise ValueError(
            f"measure: expected one of {', '.join(get_args(Measure))}, got {measure!r}."
        )
    if n < 1:
        raise ValueError(f"n: expected at least 1, got {n}.")
    head: Any = nlp.get_pipe(component)
    read = _reader(head)
    assert read is not None
    # The component itself is asked instead.
    with nlp.select_pipes(disable=[component]):
        found = heapq.nlargest(
            _N_SPARE * n,
            (
                Suggestion(uncertainty=_measure(rows, measure), text=doc.text)
                for docs in minibatch(nlp.pipe(texts), size=_N_AT_ONCE)
                for doc, rows in zip(docs, read(head, docs), strict=True)
            ),
        )
    return list(_without_near(found, n))


def _reader(component: Any) -> Callable[[Any, list[Doc]], Iterable[Floats]] | None:
    """What reads the probabilities of a component: each Doc -> (n, n_outcomes)."""
    if isinstance(component, BertNer):
        return _of_tags
    # The base of the one for several classes, too.
    if isinstance(component, TextCategorizer):
        return _of_labels if component.support_missing_values else _of_classes
    if isinstance(component, SpanCategorizer):
        return _of_spans
    return None


def _of_tags(ner: BertNer, docs: list[Doc]) -> Iterator[Floats]:
    for marginals in ner.marginals(docs):
        # White space has no tag.
        yield marginals[marginals.any(axis=1)]


def _of_classes(textcat: TextCategorizer, docs: list[Doc]) -> Floats:
    return to_floats(textcat.predict(docs))[:, None]


def _of_labels(textcat: TextCategorizer, docs: list[Doc]) -> Iterator[Floats]:
    for probs in to_floats(textcat.predict(docs)):
        yield np.stack([probs, 1 - probs], axis=1)


def _of_spans(spancat: SpanCategorizer, docs: list[Doc]) -> Iterator[Floats]:
    indices, scores = spancat.predict(docs)
    ends = np.cumsum(to_floats(indices.lengths).astype(int))[:-1]
    for of_doc in np.split(to_floats(scores), ends):
        yield np.stack([of_doc.ravel(), 1 - of_doc.ravel()], axis=1)


def _measure(probs: Floats, measure: str) -> float:
    """(n, n_outcomes) -> the mean of all rows; 0 if there are none."""
    n_outcomes = probs.shape[1]
    if not len(probs) or n_outcomes < 2:
        return 0.0
    if measure == "entropy":
        probs = np.maximum(probs, _LEAST)
        entropy = -(probs * np.log(probs)).sum(1)
        return float(entropy.mean() / np.log(n_outcomes))
    second, first = np.sort(probs, axis=1)[:, -2:].T
    return float(1 - (first - second).mean())


def _without_near(found: Sequence[Suggestion], n: int) -> Iterator[Suggestion]:
    taken: list[set[str]] = []
    for suggestion in found:
        words = {*suggestion.text.lower().split()}
        if any(len(words & one) >= _NEAR * len(words | one) for one in taken):
            continue
        taken.append(words)
        yield suggestion
        if len(taken) == n:
            return
