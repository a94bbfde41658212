"""A linear-chain CRF (Lafferty et al. 2001), in torch: scores -> likelihood, best tags.

Sequences of different lengths lie end to end, without padding; a position of all of
them is computed at once, and those that are finished are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# The log of a probability of 0. Finite, since logsumexp over nothing but -inf gives nan
# for a gradient, yet exp() of it is 0 however good the rest of a path.
IMPOSSIBLE = -1e9

# The least sum that divides.
_LEAST = 1e-30


@dataclass(frozen=True, kw_only=True)
class Transitions:
    """scores: (n_tags, n_tags); [i, j] is that of going from tag i to tag j.
    start_scores: (n_tags,), of beginning with a tag."""

    scores: Tensor
    start_scores: Tensor

    def within(self, *, allowed: Tensor, allowed_start: Tensor) -> "Transitions":
        """With the others impossible. Both bool, shaped as the scores are."""
        return Transitions(
            scores=self.scores.masked_fill(~allowed, IMPOSSIBLE),
            start_scores=self.start_scores.masked_fill(~allowed_start, IMPOSSIBLE),
        )


def negative_log_likelihood(
    scores: Tensor,
    possible: Tensor,
    lengths: Sequence[int],
    transitions: Transitions,
) -> Tensor:
    """What is known of the tags, against all paths. Returns (n_sequences,).

    scores: (n_tokens, n_tags), the sequences end to end.
    possible: bool, of the same shape: the tags a token may have, as far as is known;
        one if its tag is known, all if it is not. The probabilities of all paths
        through them are added up.
    lengths: in tokens; 0 gives a loss of 0.

    Raises ValueError if no path through the possible tags is allowed.
    """
    # Takes the same from every path. Sums stay small, and exact on long sequences.
    scores = scores.log_softmax(-1)
    known = scores.masked_fill(~possible, IMPOSSIBLE)
    both = log_partition(torch.cat([known, scores]), [*lengths, *lengths], transitions)
    numerator, denominator = both.chunk(2)
    _expect_paths(numerator)
    return denominator - numerator


def token_losses(
    scores: Tensor,
    possible: Tensor,
    lengths: Sequence[int],
    transitions: Transitions,
) -> Tensor:
    """What each token adds to the negative log-likelihood of its sequence: -log of the
    probability of its tag, given the tags before it and the whole text. (n_tokens,)

    Arguments and errors are those of `negative_log_likelihood`.
    """
    layout = _lay_out(lengths, scores.device)
    if not layout.n_running:
        return scores.new_zeros(0)
    by_position = scores.log_softmax(-1)[layout.index].split(layout.n_running)
    known = possible[layout.index].split(layout.n_running)
    behind = _behind(by_position, layout, transitions)
    forward: list[Tensor] = []
    losses: list[Tensor] = []
    for tag_scores, is_known, after in zip(by_position, known, behind, strict=True):
        before = transitions.start_scores
        if forward:
            running = forward[-1][: len(tag_scores)]
            before = (running[:, :, None] + transitions.scores).logsumexp(dim=1)
        forward.append((before + tag_scores).masked_fill(~is_known, IMPOSSIBLE))
        of_known = (forward[-1] + after).logsumexp(-1)
        losses.append((before + tag_scores + after).logsumexp(-1) - of_known)
    found = _in_order(losses, layout)
    _expect_paths(torch.stack([-one.sum() for one in found.split([*lengths])]))
    return found


def cross_entropy(
    scores: Tensor,
    probs: Tensor,
    lengths: Sequence[int],
    transitions: Transitions,
) -> Tensor:
    """The expected negative log-likelihood of paths whose tags have these
    probabilities, token by token. Returns (n_sequences,).

    probs: (n_tokens, n_tags), rows of sum 1, such as another model's marginals. Two
        neighbours' tags are taken as independent, within the transitions that are
        allowed.

    The gradient by a token's scores is what the model says of its tags, less `probs`.
    If all of these are 0 or 1, it is the negative log-likelihood.
    """
    scores = scores.log_softmax(-1)
    sequence = torch.repeat_interleave(
        torch.arange(len(lengths), device=scores.device),
        torch.tensor(lengths, device=scores.device),
    )
    of_tokens = (probs * scores).sum(-1)
    is_first = torch.ones_like(sequence, dtype=torch.bool)
    is_first[1:] = sequence[1:] != sequence[:-1]
    is_allowed = transitions.start_scores > IMPOSSIBLE / 2
    first = _normalized(probs[is_first] * is_allowed)
    of_starts = (first * transitions.start_scores).sum(-1)
    is_allowed = transitions.scores > IMPOSSIBLE / 2
    pairs = probs[:-1, :, None] * probs[1:, None, :] * is_allowed
    pairs = _normalized(pairs.flatten(1))[~is_first[1:]]
    of_pairs = (pairs * transitions.scores.flatten()).sum(-1)
    expected = scores.new_zeros(len(lengths))
    expected = expected.index_add(0, sequence, of_tokens)
    expected = expected.index_add(0, sequence[is_first], of_starts)
    expected = expected.index_add(0, sequence[1:][~is_first[1:]], of_pairs)
    return log_partition(scores, lengths, transitions) - expected


def _normalized(probs: Tensor) -> Tensor:
    """Rows of sum 1, or 0 if there is nothing in them."""
    return probs / probs.sum(-1, keepdim=True).clamp_min(_LEAST)


def _expect_paths(log_probs: Tensor) -> None:
    broken = (log_probs < IMPOSSIBLE / 2).nonzero()[:, 0].tolist()
    if broken:
        raise ValueError(
            "Expected at least one allowed path of tags in each sequence, got none in "
            f"those numbered {broken}. Correct their tags, or allow the transitions."
        )


def log_partition(
    scores: Tensor, lengths: Sequence[int], transitions: Transitions
) -> Tensor:
    """log(sum(exp(score))) over all paths, by the forward algorithm.

    (n_tokens, n_tags) -> (n_sequences,)
    """
    layout = _lay_out(lengths, scores.device)
    totals = scores.new_zeros(len(lengths))
    if not layout.n_running:
        return totals
    first, *rest = scores[layout.index].split(layout.n_running)
    forward_scores = first + transitions.start_scores
    finished: list[Tensor] = []
    for tag_scores in rest:
        running, ending = forward_scores.tensor_split([len(tag_scores)])
        if len(ending):
            finished.append(ending)
        # (n_running, from, to) -> (n_running, to)
        extended = running[:, :, None] + transitions.scores
        forward_scores = extended.logsumexp(dim=1) + tag_scores
    last = torch.cat([forward_scores, *reversed(finished)])
    return totals.index_copy(0, layout.order[: len(last)], last.logsumexp(-1))


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What each token's tag is, given all tokens, as logs: by the forward-backward
    algorithm (Rabiner 1989, III), normalized at each token, so that nothing is lost on
    long sequences. All are (n_tokens, n_tags), the sequences end to end.

    forward: the probability of the tag, given the tokens up to this one.
    backward: what the tokens behind this one add; with it, the probability given all.
    steps: a tag's score, less what normalizes its token. A path's probability grows by
        this and by the transition at each token.
    """

    forward: Tensor
    backward: Tensor
    steps: Tensor


@torch.no_grad()
def posterior(
    scores: Tensor, lengths: Sequence[int], transitions: Transitions
) -> Posterior:
    """(n_tokens, n_tags) -> Posterior. Each sequence needs an allowed path."""
    layout = _lay_out(lengths, scores.device)
    if not layout.n_running:
        return Posterior(forward=scores, backward=scores, steps=scores)
    scores = scores.log_softmax(-1)
    forward: list[Tensor] = []
    steps: list[Tensor] = []
    for tag_scores in scores[layout.index].split(layout.n_running):
        if forward:
            running = forward[-1][: len(tag_scores)]
            before = (running[:, :, None] + transitions.scores).logsumexp(dim=1)
        else:
            before = transitions.start_scores
        norm = (before + tag_scores).logsumexp(dim=-1, keepdim=True)
        steps.append(tag_scores - norm)
        forward.append(before + steps[-1])
    return Posterior(
        forward=_in_order(forward, layout),
        backward=_in_order(_behind(steps, layout, transitions), layout),
        steps=_in_order(steps, layout),
    )


def _behind(
    by_position: Sequence[Tensor], layout: "_Layout", transitions: Transitions
) -> list[Tensor]:
    """log(sum(exp(score))) over all that may follow each tag, position by position."""
    behind = [torch.zeros_like(by_position[-1])]
    for tag_scores, n_running in zip(
        reversed(by_position[1:]), reversed(layout.n_running[:-1]), strict=True
    ):
        following = (tag_scores + behind[-1])[:, None, :]
        going_on = (transitions.scores + following).logsumexp(dim=-1)
        ending = going_on.new_zeros(n_running - len(going_on), going_on.shape[1])
        behind.append(torch.cat([going_on, ending]))
    return behind[::-1]


@torch.no_grad()
def best_tags(
    scores: Tensor, lengths: Sequence[int], transitions: Transitions
) -> Tensor:
    """The path with the highest score, by Viterbi. (n_tokens, n_tags) -> (n_tokens,)"""
    layout = _lay_out(lengths, scores.device)
    if not layout.n_running:
        return torch.zeros(0, dtype=torch.long, device=scores.device)
    scores = scores.log_softmax(-1)
    first, *rest = scores[layout.index].split(layout.n_running)
    best_scores = first + transitions.start_scores
    finished: list[Tensor] = []
    backpointers: list[Tensor] = []
    for tag_scores in rest:
        running, ending = best_scores.tensor_split([len(tag_scores)])
        if len(ending):
            finished.append(ending)
        best_extended, pointers = (running[:, :, None] + transitions.scores).max(dim=1)
        best_scores = best_extended + tag_scores
        backpointers.append(pointers)
    last = torch.cat([best_scores, *reversed(finished)]).argmax(-1)

    # From the end back: at each position the sequences that end there join in.
    tags = last[: len(best_scores)]
    tags_by_position = [tags]
    for pointers, n_running in zip(
        reversed(backpointers), reversed(layout.n_running[:-1]), strict=True
    ):
        before = pointers.gather(1, tags[:, None])[:, 0]
        tags = torch.cat([before, last[len(before) : n_running]])
        tags_by_position.append(tags)
    return _in_order(tags_by_position[::-1], layout)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Sequences position by position.

    Lengths [2, 3, 0] have order [1, 0, 2], longest first; n_running [2, 2, 1], how many
    are that long; and index [2, 0, 3, 1, 4], the tokens of each position.
    """

    order: Tensor
    n_running: list[int]
    index: Tensor


def _lay_out(lengths: Sequence[int], device: torch.device) -> _Layout:
    sizes = torch.tensor(lengths, dtype=torch.long, device="cpu")
    starts = sizes.cumsum(0) - sizes
    order = sizes.argsort(descending=True, stable=True)
    positions = torch.arange(max(lengths, default=0), device="cpu")[:, None]
    is_running = positions < sizes[order]
    return _Layout(
        order=order.to(device),
        n_running=is_running.sum(1).tolist(),
        index=(starts[order] + positions)[is_running].to(device),
    )


def _in_order(by_position: Sequence[Tensor], layout: _Layout) -> Tensor:
    """Values of each position -> of each token, the sequences end to end."""
    joined = torch.cat([*by_position])
    found = torch.empty_like(joined)
    found[layout.index] = joined
    return found
