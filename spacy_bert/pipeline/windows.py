"""Long Docs -> overlapping sequences that fit the encoder: Alignment -> WindowBatch.

Windows are cut between tokens, each with its own [CLS] and [SEP]. Nothing is dropped: a
token in two windows gets the mean of all its pieces in both. A Doc of two segments is
[CLS] first [SEP] second [SEP] in each window, segment ids 0 and 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from ..model.batch import PackedBatch, pack
from ..model.rounding import round_up
from ..ranges import expand_ranges
from ..tokenization import PieceTokenizer
from .alignment import Alignment

# [CLS] and [SEP].
N_SPECIAL = 2


@dataclass(frozen=True, kw_only=True)
class WindowBatch:
    """Some windows, ready for the encoder.

    packed: the sequences.
    pair_positions, pair_tokens: int64, (n_pairs,); a position in the encoder's output
        and a token (counted through all Docs) that it contributes to.
    docs: int64, (n_windows,); the Doc of each window.
    """

    packed: PackedBatch
    pair_positions: NDArray[np.int64]
    pair_tokens: NDArray[np.int64]
    docs: NDArray[np.int64]


def make_window_batches(
    alignment: Alignment,
    tokenizer: PieceTokenizer,
    *,
    width: int,
    overlap: int,
    max_batch_pieces: int,
) -> Iterator[WindowBatch]:
    """Windows of at most `width` pieces (with [CLS] and [SEP]), the longest first, in
    batches of at most `max_batch_pieces` (or of one window).

    Raises ValueError if `width` leaves no room for a piece of each segment of a pair.
    """
    n_separators = tokenizer.pairs.n_separators
    least = N_SPECIAL + n_separators + 2
    if width < least and (alignment.second_segments >= 0).any():
        raise ValueError(
            f"window_width: expected at least {least} for pairs with this tokenizer, "
            f"got {width}. Set it higher."
        )
    n_pieces = len(alignment.piece_ids)
    is_one_text = len(alignment.doc_ends) == 1 and alignment.second_segments[0] < 0
    if is_one_text and 0 < n_pieces <= width - N_SPECIAL:
        yield _make_single(alignment, tokenizer)
        return
    windows = np.array(
        list(
            _cut_docs(
                alignment, width=width, overlap=overlap, n_separators=n_separators
            )
        ),
        dtype=np.int64,
    ).reshape(-1, 5)
    lengths = _count_pieces(windows, n_separators)
    order = np.argsort(-lengths, kind="stable")
    first = 0
    for stop in _split_by_pieces(lengths[order], max_batch_pieces):
        some = order[first:stop]
        yield _make_batch(windows[some], lengths[some], alignment, tokenizer)
        first = stop


def _make_single(alignment: Alignment, tokenizer: PieceTokenizer) -> WindowBatch:
    """As `_make_batch`, for one short Doc, which servers get: a third of the calls."""
    n_pieces = len(alignment.piece_ids) + N_SPECIAL
    piece_ids = np.empty(n_pieces, dtype=np.int64)
    piece_ids[0], piece_ids[-1] = tokenizer.cls_id, tokenizer.sep_id
    piece_ids[1:-1] = alignment.piece_ids
    # From numpy, as torch's default device may have been changed.
    return WindowBatch(
        packed=PackedBatch(
            piece_ids=torch.from_numpy(piece_ids),
            segment_ids=torch.from_numpy(np.zeros_like(piece_ids)),
            position_ids=torch.from_numpy(np.arange(n_pieces)),
            cu_seqlens=torch.from_numpy(np.array([0, n_pieces], dtype=np.int32)),
            lengths=(n_pieces,),
        ),
        pair_positions=alignment.pair_pieces + 1,
        pair_tokens=alignment.pair_tokens,
        docs=np.zeros(1, dtype=np.int64),
    )


def _cut_docs(
    alignment: Alignment, *, width: int, overlap: int, n_separators: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """First piece and one past the last from the first segment, the same from the
    second (-1 if there is one text), and the Doc, of each window."""
    cut = partial(_cut, _cut_points(alignment), overlap=overlap)
    start = 0
    borders = alignment.second_segments.tolist()
    for doc, end in enumerate(alignment.doc_ends.tolist()):
        border = borders[doc]
        if border < 0:
            for first in cut(start, end, width=width - N_SPECIAL):
                yield *first, -1, -1, doc
        else:
            room = width - N_SPECIAL - n_separators
            # A segment of less than half the room is whole in each window over the
            # other; if none is, windows over both are paired in order.
            first_width = max(room - (end - border), room // 2)
            second_width = room - min(border - start, first_width)
            firsts = list(cut(start, border, width=first_width)) or [(start, start)]
            seconds = list(cut(border, end, width=second_width)) or [(end, end)]
            firsts += firsts[-1:] * (len(seconds) - len(firsts))
            seconds += seconds[-1:] * (len(firsts) - len(seconds))
            for first, second in zip(firsts, seconds, strict=True):
                yield *first, *second, doc
        start = end


def _cut(
    cuts: NDArray[np.int64], start: int, end: int, *, width: int, overlap: int
) -> Iterator[tuple[int, int]]:
    while end - start > width:
        # A token wider than a window is cut inside, as there is no cut point.
        stop = _last_cut(cuts, after=start, up_to=start + width) or start + width
        yield start, stop
        start = _last_cut(cuts, after=start, up_to=stop - overlap) or stop
    if start < end:
        yield start, end


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


def _count_pieces(windows: NDArray[np.int64], n_separators: int) -> NDArray[np.int64]:
    """With [CLS] and [SEP]. (n_windows, 5) -> (n_windows,)"""
    first, first_stop, second, second_stop, _ = windows.T
    n_own = first_stop - first + second_stop - second
    n_pieces: NDArray[np.int64] = n_own + N_SPECIAL + n_separators * (second >= 0)
    return n_pieces


def _split_by_pieces(lengths: NDArray[np.int64], max_pieces: int) -> list[int]:
    """One past the last window of each batch. They are of about one size, because a
    size that is rare needs kernels that are used once (see `model.rounding`)."""
    ends = np.cumsum(lengths)
    stops = _spread(ends, max_pieces)
    # What did not fit into the last planned batch made two small ones.
    again = _spread(ends, max_pieces, n_batches=len(stops))
    return again if len(again) == len(stops) else stops


def _spread(
    ends: NDArray[np.int64], max_pieces: int, *, n_batches: int = 1
) -> list[int]:
    """Return one past the last window of each batch: of `n_batches`, or of as many as
    are needed.

    ends: (n_windows,), pieces in all windows up to the end of each.
    """
    stops: list[int] = []
    first, n_done = 0, 0
    while first < len(ends):
        n_left = int(ends[-1]) - n_done
        n_more = max(n_batches - len(stops), -(-n_left // max_pieces))
        size = min(round_up(-(-n_left // n_more)), max_pieces)
        stop = int(np.searchsorted(ends, n_done + size, side="right"))
        first = max(stop, first + 1)
        stops.append(first)
        n_done = int(ends[first - 1])
    return stops


def _make_batch(
    windows: NDArray[np.int64],
    lengths: NDArray[np.int64],
    alignment: Alignment,
    tokenizer: PieceTokenizer,
) -> WindowBatch:
    ends = np.cumsum(lengths)
    # Two segments a window, the second empty if there is one text: (n_windows, 2).
    starts, stops = windows[:, [0, 2]], windows[:, [1, 3]]
    counts = stops - starts
    positions = np.stack([ends - lengths + 1, ends - 1 - counts[:, 1]], axis=1)
    is_pair = starts[:, 1] >= 0
    # What is neither [CLS] nor of a segment is [SEP].
    piece_ids = np.full(int(ends[-1]), tokenizer.sep_id, dtype=np.int64)
    piece_ids[ends - lengths] = tokenizer.cls_id
    starts, stops, counts = starts.ravel(), stops.ravel(), counts.ravel()
    first_positions = positions.ravel()
    taken = alignment.piece_ids[expand_ranges(starts, counts)]
    piece_ids[expand_ranges(first_positions, counts)] = taken
    segment_ids = np.zeros_like(piece_ids)
    segment_ids[
        expand_ranges(positions[is_pair, 1], (ends - positions[:, 1])[is_pair])
    ] = tokenizer.pairs.segment
    first_pair = np.searchsorted(alignment.pair_pieces, starts)
    n_pairs = np.searchsorted(alignment.pair_pieces, stops) - first_pair
    pairs = expand_ranges(first_pair, n_pairs)
    return WindowBatch(
        packed=pack(
            torch.from_numpy(piece_ids), lengths.tolist(), torch.from_numpy(segment_ids)
        ),
        pair_positions=alignment.pair_pieces[pairs]
        + np.repeat(first_positions - starts, n_pairs),
        pair_tokens=alignment.pair_tokens[pairs],
        docs=windows[:, 4],
    )
