"""What is hidden together, a maskable span: a piece, a word or several words; and which
of them are hidden.

Hiding a fraction of all pieces by whole spans, without a bias against long ones: the
spans of a sequence are laid on a circle, in random order, and those that begin in an
arc as long as the budget are hidden, from a random offset on. A span of any width
begins there with the probability budget / circumference. So each piece is hidden
equally often, and as many as the budget on average. Single pieces need no circle: any
so many are drawn.
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
    seq_ids: NDArray[np.int64],
    priorities: NDArray[np.float64],
    budgets: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which single pieces are hidden: of each sequence as many as its budget. Several
    times as fast as the circle, since nothing but priorities is sorted. (n_spans,)"""
    columns, n_spans = _number_columns(seq_ids, len(budgets))
    table = np.ones((len(budgets), n_spans.max() + 1))  # above all priorities
    table[seq_ids, columns] = priorities
    table.sort(axis=1)
    limits = table[np.arange(len(budgets)), np.minimum(budgets, n_spans)]
    return priorities < limits[seq_ids]


def sample_cyclically(
    seq_ids: NDArray[np.int64],
    widths: NDArray[np.int64],
    priorities: NDArray[np.float64],
    budgets: NDArray[np.int64],
    offsets: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which spans are hidden. (n_spans,)

    seq_ids, widths, priorities: of each span its sequence, never falling, its pieces
        and a random number that orders it.
    budgets, offsets: of each sequence the pieces to hide, and a number in [0, 1).
    """
    columns, order, ordered = _lay_out(seq_ids, widths, priorities, len(budgets))
    ends = np.cumsum(ordered, axis=1)
    circumferences = ordered.sum(axis=1)
    distances = ends - ordered - (offsets * circumferences).astype(np.int64)[:, None]
    distances += np.where(distances < 0, circumferences[:, None], 0)
    return _put_back(distances < budgets[:, None], order)[seq_ids, columns]


def choose_while_they_fit(
    seq_ids: NDArray[np.int64],
    widths: NDArray[np.int64],
    priorities: NDArray[np.float64],
    budgets: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """As in create_pretraining_data.py (google-research/bert): spans in random order,
    but for those that would exceed the budget. Long ones are hidden less often."""
    columns, order, ordered = _lay_out(seq_ids, widths, priorities, len(budgets))
    fits = np.empty(ordered.shape, dtype=np.bool_)
    left = budgets.copy()
    for i, width in enumerate(ordered.T):
        fits[:, i] = width <= left
        left -= width * fits[:, i]
    return _put_back(fits, order)[seq_ids, columns]


def cut_spans(
    seq_ids: NDArray[np.int64],
    word_starts: NDArray[np.bool_],
    segment_starts: NDArray[np.bool_],
    random_numbers: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Where spans of words begin, end to end, of random lengths. (n_pieces,)

    random_numbers: (n_sequences, at least the longest length), for the lengths of
        a sequence's spans.

    No span crosses into another segment.
    """
    first = np.searchsorted(seq_ids, np.arange(len(random_numbers)))
    numbers = np.cumsum(word_starts)
    word_in_sequence: NDArray[np.int64] = numbers - numbers[first][seq_ids]
    lengths = 1 + np.searchsorted(
        np.cumsum(SPAN_PROBS[:-1]), random_numbers, side="right"
    )
    n_words = random_numbers.shape[1]
    ends = np.minimum(np.cumsum(lengths, axis=1), n_words)
    begins_span = np.zeros((len(random_numbers), n_words + 1), dtype=np.bool_)
    np.put_along_axis(begins_span, ends, True, axis=1)
    return segment_starts | (word_starts & begins_span[seq_ids, word_in_sequence])


def _lay_out(
    seq_ids: NDArray[np.int64],
    widths: NDArray[np.int64],
    priorities: NDArray[np.float64],
    n_sequences: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The spans as a table with a line for each sequence: the column of each span, the
    random order of each line, and the widths in that order, filled up with 0."""
    columns, n_spans = _number_columns(seq_ids, n_sequences)
    shape = (n_sequences, n_spans.max())
    priority_table = np.ones(shape)  # above all priorities
    priority_table[seq_ids, columns] = priorities
    width_table = np.zeros(shape, dtype=np.int64)
    width_table[seq_ids, columns] = widths
    order = np.argsort(priority_table, axis=1)
    return columns, order, np.take_along_axis(width_table, order, axis=1)


def _number_columns(
    seq_ids: NDArray[np.int64], n_sequences: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of each span in its sequence, and how many each sequence has.

    Example: sequences [0, 0, 2] of 3 -> [0, 1, 0], [2, 0, 1]
    """
    n_spans = np.bincount(seq_ids, minlength=n_sequences)
    return np.arange(len(seq_ids)) - (np.cumsum(n_spans) - n_spans)[seq_ids], n_spans


def _put_back(table: NDArray[np.bool_], order: NDArray[np.int64]) -> NDArray[np.bool_]:
    original = np.empty_like(table)
    np.put_along_axis(original, order, table, axis=1)
    return original
