"""Tag scores of Docs -> a loss with its gradient: Thinc's arrays to torch and back."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import get_array_module, torch2xp
from thinc.backends import get_array_ops
from thinc.types import Floats1d, Floats2d, Ints1d
from torch import Tensor

from ..arrays import Floats, Ints
from .bio import BioTags
from .crf import cross_entropy, negative_log_likelihood, token_losses
from .decoding import constrain, find_spaces, find_words, index_words, to_torch
from .model import Decoder, TagScores

_UNKNOWN = -100


# Whatever the caller's mode is: without gradients nothing would be learned.
@torch.inference_mode(False)
@torch.enable_grad()
def tagging_loss(
    scores: TagScores,
    docs: Sequence[Doc],
    biluo: Sequence[Sequence[str | None]],
    *,
    tags: BioTags,
    decoder: Decoder,
    weights: Floats | None = None,
    taught: Sequence[Floats | None] | None = None,
) -> tuple[float, TagScores]:
    """The loss, summed over tokens, and its gradient by the scores.

    biluo: one tag a token, None or "-" if it is not known. There, softmax passes the
        token over, and the CRF adds up the probabilities of all tags that it may have.
    weights: (n_tags,), what a token's loss is multiplied with. If it may have several
        tags, the mean of theirs. The CRF's loss of a token is that of its tag, given
        the tags before it.
    taught: the probability of each tag of each token, (n_tokens, n_tags), for Docs that
        another model has read. They take the place of `biluo`, and have no weights.

    Raises ValueError if a label is not one of tags.
    """
    taught = taught or [None] * len(docs)
    annotated = [
        of_doc if probs is None else [None] * len(of_doc)
        for of_doc, probs in zip(biluo, taught, strict=True)
    ]
    words, possible = _known_words(docs, annotated, tags)
    read, probs = _taught_words(docs, taught, tags)
    if not len(possible) and not len(probs):
        return 0.0, _no_gradient(scores)
    tokens, transitions = to_torch(scores)
    leaves = (tokens, transitions.scores, transitions.start_scores)
    for leaf in leaves:
        leaf.requires_grad_()
    allowed = constrain(transitions, tags)
    loss = tokens.new_zeros(())
    if len(possible):
        is_possible = torch.from_numpy(possible).to(tokens.device)
        word_scores = tokens[index_words(docs, words).to(tokens.device)]
        if decoder == "crf":
            # Weights need the loss of each token, which takes longer than that of a
            # Doc.
            find = negative_log_likelihood if weights is None else token_losses
            losses = find(word_scores, is_possible, _lengths(words), allowed)
        else:
            losses = _cross_entropy(word_scores, is_possible)
        if weights is not None:
            losses = losses * _mean_weights(is_possible, weights)
        loss = loss + losses.sum()
    if len(probs):
        word_scores = tokens[index_words(docs, read).to(tokens.device)]
        targets = torch.from_numpy(probs).to(word_scores)
        if decoder == "crf":
            losses = cross_entropy(word_scores, targets, _lengths(read), allowed)
        else:
            losses = F.cross_entropy(word_scores, targets, reduction="none")
        loss = loss + losses.sum()
    d_tokens, d_transitions, d_start_transitions = torch.autograd.grad(
        loss, leaves, allow_unused=True, materialize_grads=True
    )
    return loss.item(), TagScores(
        tokens=_unflatten(cast(Floats2d, torch2xp(d_tokens)), docs),
        transitions=cast(Floats2d, torch2xp(d_transitions)),
        start_transitions=cast(Floats1d, torch2xp(d_start_transitions)),
    )


def _known_words(
    docs: Sequence[Doc], biluo: Sequence[Sequence[str | None]], tags: BioTags
) -> tuple[list[Ints], NDArray[np.bool_]]:
    """The words of the Docs of which anything is known (no words of the others), and
    the tags that each of them may have, (n_words, n_tags)."""
    words, possible = [], []
    for doc, doc_biluo in zip(docs, biluo, strict=True):
        mask = tags.possible_tags(doc_biluo, find_spaces(doc))
        # Docs without annotation would get a gradient of rounding noise, which Adam
        # scales up to steps of full size, so leave them out.
        n_known = 0 if mask.all() else len(mask)
        words.append(find_words(doc)[:n_known])
        possible.append(mask[:n_known])
    return words, np.concatenate(possible)


def _taught_words(
    docs: Sequence[Doc], taught: Sequence[Floats | None], tags: BioTags
) -> tuple[list[Ints], Floats]:
    """The words of the Docs that another model has read (no words of the others), and
    the probabilities of their tags, (n_words, n_tags)."""
    words, rows = [], [np.zeros((0, tags.n_tags))]
    for doc, probs in zip(docs, taught, strict=True):
        words.append(find_words(doc)[: 0 if probs is None else len(doc)])
        if probs is not None:
            rows.append(probs[words[-1]])
    return words, np.concatenate(rows)


def _lengths(words: Sequence[Ints]) -> list[int]:
    return [len(doc_words) for doc_words in words]


def _no_gradient(scores: TagScores) -> TagScores:
    xp = get_array_module(scores.transitions)
    return TagScores(
        tokens=[xp.zeros_like(tokens) for tokens in scores.tokens],
        transitions=xp.zeros_like(scores.transitions),
        start_transitions=xp.zeros_like(scores.start_transitions),
    )


def _cross_entropy(scores: Tensor, possible: Tensor) -> Tensor:
    """(n_tokens,), 0 for those whose tag is not known."""
    targets = possible.long().argmax(-1)
    targets[possible.sum(-1) != 1] = _UNKNOWN
    return F.cross_entropy(scores, targets, reduction="none", ignore_index=_UNKNOWN)


def _mean_weights(possible: Tensor, weights: Floats) -> Tensor:
    of_tags = torch.as_tensor(weights, dtype=torch.float32, device=possible.device)
    return (possible * of_tags).sum(-1) / possible.sum(-1)


def _unflatten(array: Floats2d, docs: Sequence[Doc]) -> list[Floats2d]:
    lengths = cast(Ints1d, [len(doc) for doc in docs])
    return cast(list[Floats2d], get_array_ops(array).unflatten(array, lengths))
