"""Tag scores of Docs -> entities; and how scores of tokens become scores of words, in
torch, for the loss too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import get_array_module, xp2torch
from torch import Tensor

from ..arrays import Floats, Ints
from .bio import BioTags, Entity
from .confidence import Confidence, WordSpans
from .crf import Transitions, best_tags
from .model import TagScores


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be found besides the best path of tags.

    probs: the probability of each entity. threshold: the least that an entity needs.
    n_alternatives: at most so many other spans of a Doc, of at least the probability
    alternatives_threshold.
    """

    probs: bool = False
    threshold: float = 0.0
    n_alternatives: int = 0
    alternatives_threshold: float = 0.05


@dataclass(frozen=True, kw_only=True)
class FoundEntities:
    """Those of a Doc, from left to right.

    probs: their probabilities, if these were wanted. alternatives: other spans with
    theirs, the likeliest first.
    """

    entities: list[Entity]
    probs: list[float] | None = None
    alternatives: Sequence[tuple[Entity, float]] = ()


def find_entities(
    scores: TagScores, docs: Sequence[Doc], *, tags: BioTags, wanted: Wanted
) -> list[FoundEntities]:
    """The entities of the best allowed path of tags, of each Doc."""
    words = [find_words(doc) for doc in docs]
    lengths = [len(doc_words) for doc_words in words]
    tokens, transitions = to_torch(scores)
    word_scores = tokens[index_words(docs, words).to(tokens.device)]
    transitions = constrain(transitions, tags)
    paths = best_tags(word_scores, lengths, transitions).cpu().split(lengths)
    entities = [
        tags.entities(path.tolist(), doc_words.tolist())
        for path, doc_words in zip(paths, words, strict=True)
    ]
    if not (wanted.probs or wanted.threshold or wanted.n_alternatives):
        return [FoundEntities(entities=found) for found in entities]
    confidence = Confidence(word_scores, lengths, transitions)
    by_doc = np.cumsum([0, *map(len, entities)])[1:-1]
    probs = confidence.probs(_to_word_spans(entities, words, tags))
    alternatives: list[list[tuple[Entity, float]]] = [[] for _ in docs]
    if wanted.n_alternatives:
        likely = confidence.likely_spans(wanted.alternatives_threshold)
        alternatives = _by_doc(*likely, words, tags)
    return [
        _choose(found, doc_probs.tolist(), others, wanted)
        for found, doc_probs, others in zip(
            entities, np.split(probs, by_doc), alternatives, strict=True
        )
    ]


def find_marginals(
    scores: TagScores, docs: Sequence[Doc], *, tags: BioTags
) -> list[Floats]:
    """The probability of each tag, (n_tokens, n_tags) a Doc; zeros for white space."""
    words = [find_words(doc) for doc in docs]
    lengths = [len(doc_words) for doc_words in words]
    tokens, transitions = to_torch(scores)
    index = index_words(docs, words)
    confidence = Confidence(
        tokens[index.to(tokens.device)], lengths, constrain(transitions, tags)
    )
    found = np.zeros((sum(map(len, docs)), tags.n_tags))
    found[index.numpy()] = confidence.marginals()
    return np.split(found, np.cumsum([len(doc) for doc in docs])[:-1])


def _choose(
    entities: list[Entity],
    probs: list[float],
    others: list[tuple[Entity, float]],
    wanted: Wanted,
) -> FoundEntities:
    kept = [i for i, prob in enumerate(probs) if prob >= wanted.threshold]
    entities = [entities[i] for i in kept]
    others = [other for other in others if other[0] not in entities]
    return FoundEntities(
        entities=entities,
        probs=[probs[i] for i in kept] if wanted.probs else None,
        alternatives=sorted(others, key=lambda other: -other[1])[
            : wanted.n_alternatives
        ],
    )


def _to_word_spans(
    entities: Sequence[Sequence[Entity]], words: Sequence[Ints], tags: BioTags
) -> WordSpans:
    """Entities of tokens, of each Doc -> spans of words, end to end."""
    first, rows = 0, []
    for found, doc_words in zip(entities, words, strict=True):
        for start, stop, label in found:
            span = np.searchsorted(doc_words, (start, stop)) + first
            rows.append((*span, tags.begin(label)))
        first += len(doc_words)
    starts, stops, begins = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return WordSpans(starts=starts, stops=stops, begins=begins)


def _by_doc(
    spans: WordSpans, probs: Floats, words: Sequence[Ints], tags: BioTags
) -> list[list[tuple[Entity, float]]]:
    """The opposite of `_to_word_spans`, with the probability of each."""
    found: list[list[tuple[Entity, float]]] = [[] for _ in words]
    tokens = np.concatenate(words)
    doc_of_word = np.repeat(np.arange(len(words)), [len(one) for one in words])
    for start, stop, begin, prob in zip(
        spans.starts, spans.stops, spans.begins, probs, strict=True
    ):
        label = tags.labels[(begin - 1) // 2]
        entity = int(tokens[start]), int(tokens[stop - 1]) + 1, label
        found[doc_of_word[start]].append((entity, float(prob)))
    return found


def find_words(doc: Doc) -> Ints:
    """The tokens that are not white space, by their index in the Doc."""
    return np.flatnonzero(~find_spaces(doc))


def find_spaces(doc: Doc) -> NDArray[np.bool_]:
    """Whether each token is white space. (n_tokens,)"""
    return np.asarray(doc.to_array("IS_SPACE"), dtype=bool)


def index_words(docs: Sequence[Doc], words: Sequence[Ints]) -> Tensor:
    """The index of each word among the tokens of all Docs, which are end to end."""
    lengths = [len(doc) for doc in docs]
    starts = np.cumsum([0, *lengths[:-1]])
    index = [start + tokens for start, tokens in zip(starts, words, strict=True)]
    return torch.from_numpy(np.concatenate(index))


def to_torch(scores: TagScores) -> tuple[Tensor, Transitions]:
    """The scores of all Docs' tokens, (n_tokens, n_tags), and of the transitions."""
    xp = get_array_module(scores.transitions)
    transitions = Transitions(
        scores=xp2torch(scores.transitions),
        start_scores=xp2torch(scores.start_transitions),
    )
    return xp2torch(xp.concatenate(scores.tokens)), transitions


def constrain(transitions: Transitions, tags: BioTags) -> Transitions:
    """Make impossible what BIO does not allow."""
    device = transitions.scores.device
    return transitions.within(
        allowed=tags.allowed_transitions().to(device),
        allowed_start=tags.allowed_start_transitions().to(device),
    )
