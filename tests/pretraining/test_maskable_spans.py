"""Which spans are hidden: brute force over all orders and offsets, and the spans."""

from collections import Counter
from itertools import permutations
from random import Random

import numpy as np
import pytest

from spacy_bert.pretraining.instances.maskable_spans import (
    SPAN_PROBS,
    choose_lowest,
    choose_while_they_fit,
    cut_spans,
    sample_cyclically,
)

N_ROWS = 20_000


def every_choice(widths: list[int], budget: int) -> Counter:
    """The sets of spans that are hidden, with their probabilities: those that begin in
    an arc of the circle, for every order of the spans and every offset of the arc."""
    total, sets = sum(widths), Counter()
    for order in permutations(range(len(widths))):
        begins, begin = {}, 0
        for span in order:
            begins[span] = begin
            begin += widths[span]
        for offset in range(total):
            arc = {(offset + i) % total for i in range(budget)}
            sets[tuple(span for span in sorted(order) if begins[span] in arc)] += 1
    n = sets.total()
    return Counter({key: count / n for key, count in sets.items()})


@pytest.mark.parametrize(
    "widths, budget", [([1, 1, 3], 2), ([2, 1, 4, 1, 1], 3), ([1] * 5, 2), ([3, 2], 9)]
)
def test_the_circle_is_that_of_brute_force(widths, budget):
    expected = every_choice(widths, budget)
    random = np.random.default_rng(0)
    n_spans = len(widths)
    is_chosen = sample_cyclically(
        np.repeat(np.arange(N_ROWS), n_spans),
        np.tile(widths, N_ROWS),
        random.random(N_ROWS * n_spans),
        np.full(N_ROWS, budget),
        random.random(N_ROWS),
    ).reshape(N_ROWS, n_spans)
    seen = Counter(tuple(np.flatnonzero(row).tolist()) for row in is_chosen)
    for key in seen.keys() | expected.keys():
        error = (expected[key] * (1 - expected[key]) / N_ROWS) ** 0.5
        assert abs(seen[key] / N_ROWS - expected[key]) < 5 * error + 1e-9


@pytest.mark.parametrize("widths, budget", [([1, 1, 3], 2), ([2, 1, 4, 1, 1], 3)])
def test_no_span_is_hidden_more_often_for_its_width(widths, budget):
    choices, expected = every_choice(widths, budget), budget / sum(widths)
    for span in range(len(widths)):
        prob = sum(p for spans, p in choices.items() if span in spans)
        assert prob == pytest.approx(expected)
    n_hidden = sum(sum(widths[i] for i in spans) * p for spans, p in choices.items())
    assert n_hidden == pytest.approx(budget)


def test_sequences_do_not_meddle_with_each_other():
    """A sequence without a span, one of a single span, and one whose budget is all."""
    seq_ids, widths = np.array([1, 2, 2, 2]), np.array([4, 2, 1, 3])
    priorities, budgets = np.array([0.9, 0.3, 0.1, 0.2]), np.array([1, 1, 6])
    for offset, first in ((0.0, True), (0.9, False)):
        offsets = np.array([0.5, offset, 0.5])
        is_chosen = sample_cyclically(seq_ids, widths, priorities, budgets, offsets)
        assert is_chosen.tolist() == [first, True, True, True]
    fitting = choose_while_they_fit(seq_ids, widths, priorities, np.array([1, 3, 4]))
    assert fitting.tolist() == [False, False, True, True]


def test_so_many_pieces_are_hidden_and_all_where_there_are_fewer():
    seq_ids = np.array([0, 0, 0, 2, 2, 2, 2])
    priorities = np.array([0.5, 0.1, 0.9, 0.3, 0.2, 0.8, 0.7])
    is_chosen = choose_lowest(seq_ids, priorities, np.array([2, 1, 7]))
    assert is_chosen.tolist() == [True, True, False, True, True, True, True]


def test_lengths_of_spans_are_geometric():
    """p = 0.2, at most 10: their mean is 3.8, as Joshi et al. 2019 say."""
    assert SPAN_PROBS.sum() == pytest.approx(1.0)
    assert SPAN_PROBS[1:] / SPAN_PROBS[:-1] == pytest.approx([0.8] * 9)
    assert SPAN_PROBS @ np.arange(1, 11) == pytest.approx(3.8, abs=0.01)


def test_spans_are_those_of_a_walk_over_the_words():
    """The same random_numbers, one word after the other."""
    random, n, length = Random(0), 200, 30
    seq_ids = np.repeat(np.arange(n), length)
    word_starts = np.array([random.random() < 0.6 for _ in seq_ids])
    segment_starts = np.array([random.random() < 0.1 for _ in seq_ids])
    segment_starts[::length] = True
    word_starts |= segment_starts
    random_numbers = np.random.default_rng(0).random((n, length))
    expected = []
    for row in range(n):
        lengths = iter(np.searchsorted(np.cumsum(SPAN_PROBS), random_numbers[row]) + 1)
        words_left = next(lengths) + 1
        for i in range(row * length, (row + 1) * length):
            words_left -= word_starts[i]
            is_start = segment_starts[i]
            if words_left == 0:
                is_start, words_left = True, next(lengths)
            expected.append(bool(is_start))
    got = cut_spans(seq_ids, word_starts, segment_starts, random_numbers)
    assert got.tolist() == expected
