"""The CRF, against all paths written out."""

from itertools import product
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from spacy_bert.tasks.ner.bio import BioTags
from spacy_bert.tasks.ner.crf import (
    Transitions,
    best_tags,
    cross_entropy,
    log_partition,
    negative_log_likelihood,
    posterior,
    token_losses,
)

HAND_SCORES = torch.tensor([[1.0, 2.0], [1.0, 3.0]]).log()
HAND_TRANSITIONS = torch.tensor([[1.0, 1.0], [1.0, 5.0]]).log()
FREE = torch.ones(2, 2, dtype=torch.bool)


def hand_transitions(allowed=FREE, allowed_start=FREE[0]):
    return Transitions(scores=HAND_TRANSITIONS, start_scores=torch.zeros(2)).within(
        allowed=allowed, allowed_start=allowed_start
    )


def make_case(seed, lengths, n_tags):
    """Scores, possible tags, transitions of which some are not allowed: tag 0 always
    is, so that there is a path."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return 2 * torch.randn(*shape, generator=rng, dtype=torch.float64)

    def draw_mask(*shape):
        mask = torch.rand(*shape, generator=rng) < 0.6
        mask[..., 0] = True
        return mask

    transitions = Transitions(scores=draw(n_tags, n_tags), start_scores=draw(n_tags))
    allowed = {
        "allowed": draw_mask(n_tags, n_tags),
        "allowed_start": draw_mask(n_tags),
    }
    n_tokens = sum(lengths)
    return (
        draw(n_tokens, n_tags),
        draw_mask(n_tokens, n_tags),
        transitions.within(**allowed),
        transitions,
        allowed,
    )


def all_paths(scores, transitions, allowed, possible=None):
    """Every allowed path of one sequence with its score."""
    n_tokens, n_tags = scores.shape
    may_follow, may_start = allowed["allowed"], allowed["allowed_start"]
    for path in product(range(n_tags), repeat=n_tokens):
        pairs = list(zip(path, path[1:], strict=False))
        is_allowed = all(may_follow[pair] for pair in pairs)
        if not is_allowed or (path and not may_start[path[0]]):
            continue
        if possible is not None and not all(possible[range(n_tokens), path]):
            continue
        score = sum(scores[i, tag] for i, tag in enumerate(path))
        score += sum(transitions.scores[pair] for pair in pairs)
        yield list(path), score + transitions.start_scores[path[0]]


def sum_of_paths(*args, **kwargs):
    return torch.stack([score for _, score in all_paths(*args, **kwargs)]).logsumexp(0)


CASES = given(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    n_tags=st.integers(1, 4),
)


@CASES
@settings(deadline=None, max_examples=40)
def test_the_partition_is_the_sum_over_all_paths(seed, lengths, n_tags):
    scores, _, constrained, free, allowed = make_case(seed, lengths, n_tags)
    totals = log_partition(scores, lengths, constrained)
    for total, sequence in zip(totals, scores.split(lengths), strict=True):
        expected = sum_of_paths(sequence, free, allowed) if len(sequence) else 0.0
        assert float(total) == pytest.approx(float(expected))


@CASES
@settings(deadline=None, max_examples=40)
def test_the_best_tags_are_the_best_of_all_paths(seed, lengths, n_tags):
    scores, _, constrained, free, allowed = make_case(seed, lengths, n_tags)
    found = best_tags(scores, lengths, constrained)
    for tags, sequence in zip(found.split(lengths), scores.split(lengths), strict=True):
        if len(sequence):
            best, _ = max(all_paths(sequence, free, allowed), key=lambda path: path[1])
            assert tags.tolist() == best


@CASES
@settings(deadline=None, max_examples=40)
def test_the_loss_adds_up_all_paths_that_are_possible(seed, lengths, n_tags):
    scores, possible, constrained, free, allowed = make_case(seed, lengths, n_tags)
    losses = negative_log_likelihood(scores, possible, lengths, constrained)
    cases = zip(losses, scores.split(lengths), possible.split(lengths), strict=True)
    for loss, sequence, mask in cases:
        expected = 0.0
        if len(sequence):
            expected = sum_of_paths(sequence, free, allowed)
            expected -= sum_of_paths(sequence, free, allowed, possible=mask)
        assert float(loss) == pytest.approx(float(expected), abs=1e-9)


def test_a_case_worked_by_hand():
    """Weights of the paths: 00 1, 01 3, 10 2, 11 2 * 5 * 3 = 30, in all 36."""
    known = torch.eye(2, dtype=torch.bool)[[1, 1]]
    loss = negative_log_likelihood(HAND_SCORES, known, [2], hand_transitions())
    assert float(loss) == pytest.approx(log(36 / 30))
    assert best_tags(HAND_SCORES, [2], hand_transitions()).tolist() == [1, 1]


def test_a_transition_that_is_not_allowed_by_hand():
    """Without 11: 00 1, 01 3, 10 2, in all 6."""
    transitions = hand_transitions(allowed=~torch.tensor([[0, 0], [0, 1]]).bool())
    known = torch.eye(2, dtype=torch.bool)[[0, 1]]
    loss = negative_log_likelihood(HAND_SCORES, known, [2], transitions)
    assert float(loss) == pytest.approx(log(6 / 3))
    assert best_tags(HAND_SCORES, [2], transitions).tolist() == [0, 1]


def test_what_is_not_known_is_summed_by_hand():
    """The second tag is 1, the first unknown: 3 + 30 of 36."""
    possible = torch.tensor([[True, True], [False, True]])
    loss = negative_log_likelihood(HAND_SCORES, possible, [2], hand_transitions())
    assert float(loss) == pytest.approx(log(36 / 33))


@CASES
@settings(deadline=None, max_examples=40)
def test_a_tokens_loss_is_that_of_its_tag_given_those_before(seed, lengths, n_tags):
    scores, possible, constrained, free, allowed = make_case(seed, lengths, n_tags)
    losses = token_losses(scores, possible, lengths, constrained)
    cases = zip(
        *(part.split(lengths) for part in (losses, scores, possible)), strict=True
    )
    for found, sequence, mask in cases:
        for i, loss in enumerate(found):
            up_to, before = (torch.ones_like(mask) for _ in range(2))
            up_to[: i + 1], before[:i] = mask[: i + 1], mask[:i]
            expected = sum_of_paths(sequence, free, allowed, possible=before)
            expected -= sum_of_paths(sequence, free, allowed, possible=up_to)
            assert float(loss) == pytest.approx(float(expected), abs=1e-9)


def test_a_tokens_loss_by_hand():
    """The paths weigh 36, those that begin with 1 weigh 32, and 11 weighs 30."""
    known = torch.eye(2, dtype=torch.bool)[[1, 1]]
    found = token_losses(HAND_SCORES, known, [2], hand_transitions())
    assert found.tolist() == pytest.approx([log(36 / 32), log(32 / 30)])


def test_nothing_known_is_no_loss_and_no_gradient():
    scores = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    _, _, transitions, _, _ = make_case(0, [5], 3)
    loss = negative_log_likelihood(
        scores, torch.ones(5, 3, dtype=torch.bool), [5], transitions
    )
    loss.sum().backward()
    assert loss.item() == pytest.approx(0.0)
    assert scores.grad.abs().max() < 1e-12


LOSSES = pytest.mark.parametrize("loss", [negative_log_likelihood, token_losses])


@LOSSES
def test_a_path_that_is_not_allowed_is_refused(loss):
    known = torch.eye(2, dtype=torch.bool)[[0, 0, 1, 0]]
    allowed_start = torch.tensor([True, False])
    with pytest.raises(ValueError, match=r"got none in those numbered \[1\]"):
        loss(
            HAND_SCORES.repeat(2, 1),
            known,
            [2, 2],
            hand_transitions(allowed_start=allowed_start),
        )


@LOSSES
@pytest.mark.parametrize("lengths", [[3, 1, 4], [0, 2], [1]])
def test_gradients(lengths, loss):
    tags = BioTags(("PER",))
    rng = torch.Generator().manual_seed(0)
    inputs = [
        torch.randn(*shape, generator=rng, dtype=torch.float64, requires_grad=True)
        for shape in [(sum(lengths), 3), (3, 3), (3,)]
    ]
    possible = torch.rand(sum(lengths), 3, generator=rng) < 0.3
    possible[:, 0] = True

    def find(scores, transition_scores, start_scores):
        transitions = Transitions(scores=transition_scores, start_scores=start_scores)
        transitions = transitions.within(
            allowed=tags.allowed_transitions(),
            allowed_start=tags.allowed_start_transitions(),
        )
        return loss(scores, possible, lengths, transitions)

    assert gradcheck(find, inputs)


def draw_probs(seed, n_tokens, n_tags):
    rng = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n_tokens, n_tags, generator=rng, dtype=torch.float64)
    return (2 * drawn).softmax(-1)


@CASES
@settings(deadline=None, max_examples=40)
def test_cross_entropy_expects_the_loss_over_all_paths(seed, lengths, n_tags):
    scores, _, _, free, allowed = make_case(seed, lengths, n_tags)
    allowed = {name: torch.ones_like(mask) for name, mask in allowed.items()}
    probs = draw_probs(seed, len(scores), n_tags)
    found = cross_entropy(scores, probs, lengths, free)
    for loss, of_scores, of_probs in zip(
        found, scores.split(lengths), probs.split(lengths), strict=True
    ):
        expected = 0.0
        if len(of_scores):
            total = sum_of_paths(of_scores, free, allowed)
            for path, score in all_paths(of_scores, free, allowed):
                prob = of_probs[range(len(path)), path].prod()
                expected += float(prob * (total - score))
        assert float(loss) == pytest.approx(expected)


@CASES
@settings(deadline=None, max_examples=40)
def test_cross_entropy_with_certain_tags_is_the_negative_log_likelihood(
    seed, lengths, n_tags
):
    scores, _, transitions, _, _ = make_case(seed, lengths, n_tags)
    best = best_tags(scores, lengths, transitions)
    probs = torch.nn.functional.one_hot(best, n_tags).to(scores.dtype)
    found = cross_entropy(scores, probs, lengths, transitions)
    expected = negative_log_likelihood(scores, probs > 0, lengths, transitions)
    torch.testing.assert_close(found, expected)


@CASES
@settings(deadline=None, max_examples=40)
def test_cross_entropy_pulls_marginals_to_the_probabilities(seed, lengths, n_tags):
    scores, _, transitions, _, _ = make_case(seed, lengths, n_tags)
    probs = draw_probs(seed, len(scores), n_tags)
    scores.requires_grad_()
    (gradient,) = torch.autograd.grad(
        cross_entropy(scores, probs, lengths, transitions).sum(), scores
    )
    found = posterior(scores.detach(), lengths, transitions)
    marginals = (found.forward + found.backward).exp()
    torch.testing.assert_close(gradient, marginals - probs)


def test_long_sequences_in_single_precision():
    """A tag's chance at the end of a sum over thousands of tokens."""
    scores, _, transitions, _, _ = make_case(0, [3000], 5)
    known = torch.eye(5, dtype=torch.bool)[torch.zeros(3000, dtype=torch.long)]
    gradients = []
    for dtype in (torch.float32, torch.float64):
        inputs = (20 + scores).to(dtype).requires_grad_()
        typed = Transitions(
            scores=transitions.scores.to(dtype),
            start_scores=transitions.start_scores.to(dtype),
        )
        negative_log_likelihood(inputs, known, [3000], typed).sum().backward()
        gradients.append(inputs.grad.double())
    torch.testing.assert_close(*gradients, atol=2e-3, rtol=0)


def test_no_sequence_at_all():
    _, _, transitions, _, _ = make_case(0, [], 2)
    nothing = torch.zeros(0, 2)
    assert log_partition(nothing, [], transitions).shape == (0,)
    assert best_tags(nothing, [0, 0], transitions).shape == (0,)
