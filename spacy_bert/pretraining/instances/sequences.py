"""Ranges of pieces -> [CLS] A [SEP] B [SEP], laid end to end."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...corpus.index.files import CorpusSplit
from ...ranges import expand_ranges

# The special pieces have slots of their own; the others fill theirs from the split.
_IS_TEXT = np.array([False, True, False, True, False])
_SEGMENTS = np.array([0, 0, 0, 1, 1])


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """ids, segment_ids: int64, (n_pieces,). lengths: int64, (n_sequences,).

    word_starts: bool, (n_pieces,): words begin here; [CLS] and [SEP] count as such, and
        every piece does if the split has no words.
    """

    ids: NDArray[np.int64]
    segment_ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    word_starts: NDArray[np.bool_]


def build_sequences(
    split: CorpusSplit,
    ranges: NDArray[np.int64],
    *,
    is_pair: bool,
    cls_id: int,
    sep_id: int,
) -> Sequences:
    """`ranges`: int64, (n_sequences, 4), as in a Plan; without `is_pair` B is empty and
    so is the [SEP] behind it."""
    n, ones = len(ranges), np.ones(len(ranges), dtype=np.int64)
    n_a, n_b = ranges[:, 1] - ranges[:, 0], ranges[:, 3] - ranges[:, 2]
    widths = np.stack((ones, n_a, ones, n_b, ones * is_pair), axis=1)
    slots = widths.ravel()
    ids = np.repeat(np.tile([cls_id, 0, sep_id, 0, sep_id], n), slots)
    is_text = np.repeat(np.tile(_IS_TEXT, n), slots)
    source = expand_ranges(ranges[:, 0::2].ravel(), widths[:, 1::2].ravel())
    ids[is_text] = split.piece_ids[source]
    word_starts = np.ones(len(ids), dtype=np.bool_)
    if split.word_starts is not None:
        bytes_ = split.word_starts[source >> 3]
        word_starts[is_text] = bytes_ >> (source & 7).astype(np.uint8) & 1
    return Sequences(
        ids=ids,
        segment_ids=np.repeat(np.tile(_SEGMENTS, n), slots),
        lengths=widths.sum(axis=1),
        word_starts=word_starts,
    )
