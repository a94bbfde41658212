"""Documents -> segments: the sentences, or pieces, that one instance is made of.

Many documents are cut at a time, in streams: stream i of n has the documents i, i + n,
i + 2 n, ... and cuts one pair of segments, or one segment, in each iteration. This is
several times as fast as one document after the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...corpus.index.files import CorpusSplit

_MAX_STREAMS = 256
# A stream has several documents if it can, so that iterations mix beginnings and ends.
_STREAM_DOCUMENTS = 8


@dataclass(frozen=True, kw_only=True)
class SegmentPairs:
    """Sentences of a document: one segment is start up to middle, the other
    middle up to stop, unless it is random. All (n_pairs,).

    doc_index: the pair's document, as an index of the documents that were cut.
    is_random: the other segment is of another document, or, under "sop", of before the
        first one.
    """

    doc_index: NDArray[np.int64]
    start: NDArray[np.int64]
    middle: NDArray[np.int64]
    stop: NDArray[np.int64]
    is_random: NDArray[np.bool_]


def cut_next_sentences(
    split: CorpusSplit,
    documents: NDArray[np.int64],
    targets: NDArray[np.int64],
    *,
    faithful: bool,
    generator: np.random.Generator,
) -> SegmentPairs:
    """Pairs of at least `targets` pieces, or what is left of the document, (n,).

    The sentences that a random segment replaces are put back. A pair that has only one
    sentence is random; half of the other pairs of its iteration are with `faithful`,
    else as many fewer as brings the random ones back to half of all so far.
    """
    last = split.document_offsets[documents + 1]
    n_random_ahead = 0
    iterations: list[tuple[NDArray[Any], ...]] = []

    def cut(
        doc_index: NDArray[np.int64], start: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        nonlocal n_random_ahead
        least = 1 if faithful else 2
        enough = _enough(split, start, targets[doc_index])
        stop = np.minimum(np.maximum(enough, start + least), last[doc_index])
        cuts, coins = generator.random((2, len(doc_index)))
        middle = start + 1 + (cuts * (stop - start - 1)).astype(np.int64)
        is_lone = middle == stop
        random_prob = 0.5
        if not faithful and not is_lone.all():
            # With so many of the n_free random, as many are random as true.
            n_free = len(doc_index) - is_lone.sum()
            n_random = (n_free - is_lone.sum() - n_random_ahead) / 2
            random_prob = min(max(n_random / n_free, 0.0), 0.5)
        is_random = is_lone | (coins < random_prob)
        n_random_ahead += 2 * int(is_random.sum()) - len(doc_index)
        iterations.append((doc_index, start, middle, stop, is_random))
        return np.where(is_random, middle, stop)

    _cut_in_streams(split.document_offsets[documents], last, cut)
    return _join(iterations)


def cut_ordered(
    split: CorpusSplit,
    documents: NDArray[np.int64],
    targets: NDArray[np.int64],
    *,
    generator: np.random.Generator,
) -> SegmentPairs:
    """Pairs of two sentences or more; a last one that would be left alone is taken
    along, and documents of one sentence, which have no order, are left out."""
    last = split.document_offsets[documents + 1]
    first = split.document_offsets[documents]
    (has_order,) = np.nonzero(last - first > 1)
    iterations: list[tuple[NDArray[Any], ...]] = []

    def cut(i: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
        doc_index = has_order[i]
        stop = np.maximum(_enough(split, start, targets[doc_index]), start + 2)
        stop = np.where(stop + 1 >= last[doc_index], last[doc_index], stop)
        cuts, coins = generator.random((2, len(doc_index)))
        middle = start + 1 + (cuts * (stop - start - 1)).astype(np.int64)
        iterations.append((doc_index, start, middle, stop, coins < 0.5))
        return stop

    _cut_in_streams(first[has_order], last[has_order], cut)
    return _join(iterations)


def cut_full_sentences(
    split: CorpusSplit, documents: NDArray[np.int64], targets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranges of pieces: as many whole sentences as fit into `targets`, (n,).

    A sentence that is longer than that makes several ranges, so that nothing is lost.
    """
    offsets = split.sentence_offsets
    first = offsets[split.document_offsets[documents]]
    last = offsets[split.document_offsets[documents + 1]]
    starts, stops = [np.empty(0, np.int64)], [np.empty(0, np.int64)]

    def cut(
        doc_index: NDArray[np.int64], start: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        stop = start + targets[doc_index]
        whole = offsets[offsets.search(stop, side="right") - 1]
        stop = np.minimum(np.where(whole > start, whole, stop), last[doc_index])
        starts.append(start)
        stops.append(stop)
        return stop

    _cut_in_streams(first, last, cut)
    return np.concatenate(starts), np.concatenate(stops)


def _cut_in_streams(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    cut: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    """Call cut(doc_index, start) -> next start, with an entry for each stream that has
    text left, until each of the documents, `first` up to `last`, is used up."""
    n_streams = max(
        min(len(first) // _STREAM_DOCUMENTS, _MAX_STREAMS), _STREAM_DOCUMENTS
    )
    doc_index = np.arange(min(n_streams, len(first)))
    start = first[doc_index]
    while len(doc_index):
        start = cut(doc_index, start)
        is_done = start >= last[doc_index]
        doc_index = np.where(is_done, doc_index + n_streams, doc_index)
        has_text = doc_index < len(first)
        doc_index = doc_index[has_text]
        start = np.where(is_done[has_text], first[doc_index], start[has_text])


def _enough(
    split: CorpusSplit, start: NDArray[np.int64], targets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The sentence before which at least `targets` pieces are gathered."""
    offsets = split.sentence_offsets
    return offsets.search(offsets[start] + targets)


def _join(iterations: list[tuple[NDArray[Any], ...]]) -> SegmentPairs:
    columns = list(zip(*iterations, strict=True)) or [[np.empty(0, np.int64)]] * 5
    doc_index, start, middle, stop, is_random = map(np.concatenate, columns)
    return SegmentPairs(
        doc_index=doc_index,
        start=start,
        middle=middle,
        stop=stop,
        is_random=is_random.astype(np.bool_),
    )
