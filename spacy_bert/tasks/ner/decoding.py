"""Tag scores of Docs -> entities; and how scores of tokens become scores of words, in
torch, for the loss too."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import get_array_module, xp2torch
from torch import Tensor

from .bio import BioTags, Entity
from .crf import Transitions, best_tags
from .model import TagScores

Ints = NDArray[np.int64]


def find_entities(
    scores: TagScores, docs: Sequence[Doc], *, tags: BioTags
) -> list[list[Entity]]:
    """The entities of the best allowed path of tags, of each Doc."""
    words = [find_words(doc) for doc in docs]
    lengths = [len(doc_words) for doc_words in words]
    tokens, transitions = to_torch(scores)
    word_scores = tokens[index_words(docs, words).to(tokens.device)]
    found = best_tags(word_scores, lengths, constrain(transitions, tags))
    paths = found.cpu().split(lengths)
    return [
        tags.entities(path.tolist(), doc_words.tolist())
        for path, doc_words in zip(paths, words, strict=True)
    ]


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
