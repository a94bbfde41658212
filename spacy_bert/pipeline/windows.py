"""Long Docs -> overlapping sequences that fit the encoder: Alignment -> WindowBatch.

Windows are cut between tokens, each with its own [CLS] and [SEP]. Nothing is dropped: a
token in two windows gets the mean of all its pieces in both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..model.batch import PackedBatch, pack
from ..tokenization import WordPiece
from .alignment import Alignment, expand_ranges

# [CLS] and [SEP].
N_SPECIAL = 2


@dataclass(frozen=True, kw_only=True)
class WindowBatch:
    """Some windows, ready for the encoder.

    packed: the sequences.
    pair_rows, pair_tokens: int64, (n_pairs,); a row of the encoder's output and a token
        (counted through all Docs) that it contributes to.
    docs: int64, (n_windows,); the Doc of each window.
    """

    packed: PackedBatch
    pair_rows: NDArray[np.int64]
    pair_tokens: NDArray[np.int64]
    docs: NDArray[np.int64]


def make_window_batches(
    alignment: Alignment,
    wordpiece: WordPiece,
    *,
    width: int,
    overlap: int,
    max_batch_pieces: int,
) -> Iterator[WindowBatch]:
    """Windows of at most `width` pieces (with [CLS] and [SEP]), the longest first, in
    batches of at most `max_batch_pieces` (or of one window)."""
    windows = np.array(
        list(_cut_docs(alignment, width=width - N_SPECIAL, overlap=overlap)),
        dtype=np.int64,
    ).reshape(-1, 3)
    n_pieces = windows[:, 1] - windows[:, 0] + N_SPECIAL
    windows = windows[np.argsort(-n_pieces, kind="stable")]
    for some in _split_by_pieces(windows, max_batch_pieces):
        yield _make_batch(some, alignment, wordpiece)


def _cut_docs(
    alignment: Alignment, *, width: int, overlap: int
) -> Iterator[tuple[int, int, int]]:
    """(first piece, one past the last, Doc) of each window."""
    cuts = _cut_points(alignment)
    start = 0
    for doc, end in enumerate(alignment.doc_ends.tolist()):
        while end - start > width:
            # A token wider than a window is cut inside, for want of another place.
            stop = _last_cut(cuts, after=start, up_to=start + width) or start + width
            yield start, stop, doc
            start = _last_cut(cuts, after=start, up_to=stop - overlap) or stop
        if start < end:
            yield start, end, doc
        start = end


def _cut_points(alignment: Alignment) -> NDArray[np.int64]:
    """Pieces before which a window may end: those that begin a token, sorted."""
    pieces, tokens = alignment.pair_pieces, alignment.pair_tokens
    # Tokens only grow with pieces, so a piece begins a token where no earlier pair has
    # it. pieces [0, 1, 2], tokens [0, 0, 1] -> cut before pieces 0 and 2.
    begins = np.ones(len(tokens), dtype=bool)
    begins[1:] = tokens[1:] > np.maximum.accumulate(tokens)[:-1]
    inside = np.zeros(len(tokens), dtype=bool)
    inside[1:] = pieces[1:] == pieces[:-1]
    return pieces[begins & ~inside]


def _last_cut(cuts: NDArray[np.int64], *, after: int, up_to: int) -> int | None:
    """The last cut in (after, up_to]."""
    i = int(np.searchsorted(cuts, up_to, side="right")) - 1
    return int(cuts[i]) if i >= 0 and cuts[i] > after else None


def _split_by_pieces(
    windows: NDArray[np.int64], max_pieces: int
) -> Iterator[NDArray[np.int64]]:
    first, total = 0, 0
    for i, (start, stop, _) in enumerate(windows.tolist()):
        n_pieces = stop - start + N_SPECIAL
        if i > first and total + n_pieces > max_pieces:
            yield windows[first:i]
            first, total = i, 0
        total += n_pieces
    if first < len(windows):
        yield windows[first:]


def _make_batch(
    windows: NDArray[np.int64], alignment: Alignment, wordpiece: WordPiece
) -> WindowBatch:
    starts, stops, docs = windows.T
    lengths = stops - starts + N_SPECIAL
    ends = np.cumsum(lengths)
    first_rows = ends - lengths + 1
    piece_ids = np.empty(int(ends[-1]), dtype=np.int64)
    rows = expand_ranges(first_rows, stops - starts)
    piece_ids[rows] = alignment.piece_ids[expand_ranges(starts, stops - starts)]
    piece_ids[first_rows - 1] = wordpiece.cls_id
    piece_ids[ends - 1] = wordpiece.sep_id
    first_pair = np.searchsorted(alignment.pair_pieces, starts)
    n_pairs = np.searchsorted(alignment.pair_pieces, stops) - first_pair
    pairs = expand_ranges(first_pair, n_pairs)
    return WindowBatch(
        packed=pack(torch.from_numpy(piece_ids), lengths.tolist()),
        pair_rows=alignment.pair_pieces[pairs]
        + np.repeat(first_rows - starts, n_pairs),
        pair_tokens=alignment.pair_tokens[pairs],
        docs=docs,
    )
