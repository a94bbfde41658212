"""What is hidden together: pieces, words or spans of words, and which of them.

Hiding a share of all pieces by whole units, without a bias against long ones: the units
of a sequence are laid on a circle, in random order, and those that begin in an arc as
long as the budget are hidden, from a random place on. A unit of any width begins there
with the probability budget / circumference. So each piece is hidden equally often, and
as many as the budget on average. Single pieces need no circle: any so many are drawn.
"""

import numpy as np
from numpy.typing import NDArray

# Joshi et al. 2019, section 3.1: lengths, in words, are geometric with p = 0.2 and at
# most 10; the mean of 3.8 that it gives is that of the distribution cut off at 10, not
# of longer ones shortened to 10.
MAX_SPAN = 10
_TAILS = (1 - 0.2) ** np.arange(MAX_SPAN + 1)
SPAN_PROBS = -np.diff(_TAILS) / (1 - _TAILS[-1])


def choose_lowest(
    rows: NDArray[np.int64], ranks: NDArray[np.float64], budgets: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which single pieces are hidden: of each sequence as many as its budget. Several
    times as fast as the circle, since nothing but ranks is sorted. (n_units,)"""
    columns, n_units = _number_columns(rows, len(budgets))
    table = np.ones((len(budgets), n_units.max() + 1))  # above all ranks
    table[rows, columns] = ranks
    table.sort(axis=1)
    limits = table[np.arange(len(budgets)), np.minimum(budgets, n_units)]
    return ranks < limits[rows]


def choose_in_circle(
    rows: NDArray[np.int64],
    widths: NDArray[np.int64],
    ranks: NDArray[np.float64],
    budgets: NDArray[np.int64],
    turns: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which units are hidden. (n_units,)

    rows, widths, ranks: of each unit its sequence, never falling, its pieces and a
        random number that orders it.
    budgets, turns: of each sequence the pieces to hide, and a number in [0, 1).
    """
    columns, order, ordered = _lay_out(rows, widths, ranks, len(budgets))
    ends = np.cumsum(ordered, axis=1)
    circumferences = ordered.sum(axis=1)
    distances = ends - ordered - (turns * circumferences).astype(np.int64)[:, None]
    distances += np.where(distances < 0, circumferences[:, None], 0)
    return _put_back(distances < budgets[:, None], order)[rows, columns]


def choose_while_they_fit(
    rows: NDArray[np.int64],
    widths: NDArray[np.int64],
    ranks: NDArray[np.float64],
    budgets: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """As in create_pretraining_data.py (google-research/bert): units in random order,
    but for those that would exceed the budget. Long ones are hidden less often."""
    columns, order, ordered = _lay_out(rows, widths, ranks, len(budgets))
    fits = np.empty(ordered.shape, dtype=np.bool_)
    left = budgets.copy()
    for i, width in enumerate(ordered.T):
        fits[:, i] = width <= left
        left -= width * fits[:, i]
    return _put_back(fits, order)[rows, columns]


def cut_spans(
    rows: NDArray[np.int64],
    word_starts: NDArray[np.bool_],
    segment_starts: NDArray[np.bool_],
    draws: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Where spans of words begin, end to end, of random lengths. (n_pieces,)

    draws: (n_sequences, at least the longest length), for the lengths of a sequence's
    spans. No span crosses into another segment.
    """
    first = np.searchsorted(rows, np.arange(len(draws)))
    numbers = np.cumsum(word_starts)
    word_in_row: NDArray[np.int64] = numbers - numbers[first][rows]
    lengths = 1 + np.searchsorted(np.cumsum(SPAN_PROBS[:-1]), draws, side="right")
    n_words = draws.shape[1]
    ends = np.minimum(np.cumsum(lengths, axis=1), n_words)
    begins_span = np.zeros((len(draws), n_words + 1), dtype=np.bool_)
    np.put_along_axis(begins_span, ends, True, axis=1)
    return segment_starts | (word_starts & begins_span[rows, word_in_row])


def _lay_out(
    rows: NDArray[np.int64],
    widths: NDArray[np.int64],
    ranks: NDArray[np.float64],
    n_rows: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The units as a table with a row for each sequence: the column of each unit, the
    random order of each row, and the widths in that order, filled up with 0."""
    columns, n_units = _number_columns(rows, n_rows)
    shape = (n_rows, n_units.max())
    rank_table = np.ones(shape)  # above all ranks
    rank_table[rows, columns] = ranks
    width_table = np.zeros(shape, dtype=np.int64)
    width_table[rows, columns] = widths
    order = np.argsort(rank_table, axis=1)
    return columns, order, np.take_along_axis(width_table, order, axis=1)


def _number_columns(
    rows: NDArray[np.int64], n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of each unit in its row, and how many each row has.

    Example: rows [0, 0, 2] of 3 -> [0, 1, 0], [2, 0, 1]
    """
    n_units = np.bincount(rows, minlength=n_rows)
    return np.arange(len(rows)) - (np.cumsum(n_units) - n_units)[rows], n_units


def _put_back(table: NDArray[np.bool_], order: NDArray[np.int64]) -> NDArray[np.bool_]:
    original = np.empty_like(table)
    np.put_along_axis(original, order, table, axis=1)
    return original
