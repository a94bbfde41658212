"""Tag scores of Docs -> a loss with its gradient, or entities: Thinc's arrays to torch
and back."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from spacy.tokens import Doc
from thinc.api import get_array_module, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d
from torch import Tensor

from .bio import BioTags, Entity
from .crf import Transitions, best_tags, negative_log_likelihood
from .model import Decoder, TagScores

Ints = NDArray[np.int64]


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
) -> tuple[float, TagScores]:
    """The loss, summed over tokens, and its gradient by the scores.

    biluo: one tag a token, None or "-" if it is not known. There, softmax passes the
        token over, and the CRF adds up the chances of all tags that it may have.

    Raises ValueError if a label is not one of tags.
    """
    words, possible = _known_words(docs, biluo, tags)
    if not len(possible):
        return 0.0, _no_gradient(scores)
    tokens, transitions = _to_torch(scores)
    leaves = (tokens, transitions.steps, transitions.starts)
    for leaf in leaves:
        leaf.requires_grad_()
    picked = tokens[_rows(docs, words).to(tokens.device)]
    is_possible = torch.from_numpy(possible).to(tokens.device)
    if decoder == "crf":
        lengths = [len(doc_words) for doc_words in words]
        transitions = _constrain(transitions, tags)
        loss = negative_log_likelihood(picked, is_possible, lengths, transitions).sum()
    else:
        loss = _cross_entropy(picked, is_possible)
    d_tokens, d_steps, d_starts = torch.autograd.grad(
        loss, leaves, allow_unused=True, materialize_grads=True
    )
    return loss.item(), TagScores(
        tokens=_unflatten(cast(Floats2d, torch2xp(d_tokens)), docs),
        steps=cast(Floats2d, torch2xp(d_steps)),
        starts=cast(Floats1d, torch2xp(d_starts)),
    )


def find_entities(
    scores: TagScores, docs: Sequence[Doc], *, tags: BioTags
) -> list[list[Entity]]:
    """The entities of the best allowed path of tags, of each Doc."""
    words = [_words(doc) for doc in docs]
    lengths = [len(doc_words) for doc_words in words]
    tokens, transitions = _to_torch(scores)
    picked = tokens[_rows(docs, words).to(tokens.device)]
    found = best_tags(picked, lengths, _constrain(transitions, tags))
    paths = found.cpu().split(lengths)
    return [
        tags.entities(path.tolist(), doc_words.tolist())
        for path, doc_words in zip(paths, words, strict=True)
    ]


def _known_words(
    docs: Sequence[Doc], biluo: Sequence[Sequence[str | None]], tags: BioTags
) -> tuple[list[Ints], NDArray[np.bool_]]:
    """The words of the Docs of which anything is known (no words of the others), and
    the tags that each of them may have, (n_words, n_tags)."""
    words, possible = [], []
    for doc, doc_biluo in zip(docs, biluo, strict=True):
        mask = tags.possible_tags(doc_biluo, _is_space(doc))
        # Docs without annotation would get a gradient of rounding noise, which Adam
        # scales up to steps of full size, so leave them out.
        n_known = 0 if mask.all() else len(mask)
        words.append(_words(doc)[:n_known])
        possible.append(mask[:n_known])
    return words, np.concatenate(possible)


def _no_gradient(scores: TagScores) -> TagScores:
    xp = get_array_module(scores.steps)
    return TagScores(
        tokens=[xp.zeros_like(tokens) for tokens in scores.tokens],
        steps=xp.zeros_like(scores.steps),
        starts=xp.zeros_like(scores.starts),
    )


def _cross_entropy(scores: Tensor, possible: Tensor) -> Tensor:
    """The loss of the tokens whose tag is known."""
    is_known = possible.sum(-1) == 1
    return F.cross_entropy(
        scores[is_known], possible[is_known].long().argmax(-1), reduction="sum"
    )


def _constrain(transitions: Transitions, tags: BioTags) -> Transitions:
    device = transitions.steps.device
    return transitions.within(
        allowed_steps=tags.allowed_steps().to(device),
        allowed_starts=tags.allowed_starts().to(device),
    )


def _is_space(doc: Doc) -> NDArray[np.bool_]:
    return np.asarray(doc.to_array("IS_SPACE"), dtype=bool)


def _words(doc: Doc) -> Ints:
    """The tokens that are not white space, by their place in the Doc."""
    return np.flatnonzero(~_is_space(doc))


def _rows(docs: Sequence[Doc], words: Sequence[Ints]) -> Tensor:
    """Where words lie once the Docs' tokens are end to end."""
    sizes = [len(doc) for doc in docs]
    starts = np.cumsum([0, *sizes[:-1]])
    rows = [start + tokens for start, tokens in zip(starts, words, strict=True)]
    return torch.from_numpy(np.concatenate(rows))


def _to_torch(scores: TagScores) -> tuple[Tensor, Transitions]:
    """The scores of all Docs' tokens, (n_tokens, n_tags), and of the transitions."""
    xp = get_array_module(scores.steps)
    transitions = Transitions(
        steps=xp2torch(scores.steps), starts=xp2torch(scores.starts)
    )
    return xp2torch(xp.concatenate(scores.tokens)), transitions


def _unflatten(array: Floats2d, docs: Sequence[Doc]) -> list[Floats2d]:
    ends = np.cumsum([0, *(len(doc) for doc in docs)]).tolist()
    return [array[i:j] for i, j in zip(ends, ends[1:], strict=False)]
