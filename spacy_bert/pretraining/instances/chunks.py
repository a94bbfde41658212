"""Documents -> chunks: the sentences, or pieces, that one instance is made of.

Documents are cut many at a time, in lanes: lane i of n has the documents i, i + n,
i + 2 n, ... and cuts one chunk in each round: several times as fast as one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...corpus.index.files import CorpusPart

_MAX_LANES = 256
# A lane has several documents if it can, so that rounds mix beginnings and ends.
_LANE_DOCUMENTS = 8


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """Sentences of a document: one segment is start up to split, the other split up to
    stop, unless it is random. All (n_chunks,).

    place: the chunk's document, as a place in the documents that were cut.
    is_random: the other segment comes from another document, or, under "sop", stands
        before the first one.
    """

    place: NDArray[np.int64]
    start: NDArray[np.int64]
    split: NDArray[np.int64]
    stop: NDArray[np.int64]
    is_random: NDArray[np.bool_]


def cut_next_sentences(
    part: CorpusPart,
    documents: NDArray[np.int64],
    targets: NDArray[np.int64],
    *,
    faithful: bool,
    generator: np.random.Generator,
) -> Chunks:
    """Chunks of at least `targets` pieces, or what is left of the document, (n,).

    The sentences that a random segment takes the place of are put back. A chunk of one
    sentence is random; of the others in its round, half are with `faithful`, else as
    many fewer as brings the random ones back to half of all so far.
    """
    last = part.document_offsets[documents + 1]
    n_random_ahead = 0
    rounds: list[tuple[NDArray[Any], ...]] = []

    def cut(place: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
        nonlocal n_random_ahead
        least = 1 if faithful else 2
        enough = _enough(part, start, targets[place])
        stop = np.minimum(np.maximum(enough, start + least), last[place])
        splits, coins = generator.random((2, len(place)))
        split = start + 1 + (splits * (stop - start - 1)).astype(np.int64)
        is_lone = split == stop
        random_prob = 0.5
        if not faithful and not is_lone.all():
            # With so many of the n_free random, as many are random as true.
            n_free = len(place) - is_lone.sum()
            n_random = (n_free - is_lone.sum() - n_random_ahead) / 2
            random_prob = min(max(n_random / n_free, 0.0), 0.5)
        is_random = is_lone | (coins < random_prob)
        n_random_ahead += 2 * int(is_random.sum()) - len(place)
        rounds.append((place, start, split, stop, is_random))
        return np.where(is_random, split, stop)

    _walk(part.document_offsets[documents], last, cut)
    return _join(rounds)


def cut_ordered(
    part: CorpusPart,
    documents: NDArray[np.int64],
    targets: NDArray[np.int64],
    *,
    generator: np.random.Generator,
) -> Chunks:
    """Chunks of two sentences or more; a last one that would be left alone is taken
    along, and documents of one sentence, which have no order, are left out."""
    last = part.document_offsets[documents + 1]
    first = part.document_offsets[documents]
    (has_order,) = np.nonzero(last - first > 1)
    rounds: list[tuple[NDArray[Any], ...]] = []

    def cut(i: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
        place = has_order[i]
        stop = np.maximum(_enough(part, start, targets[place]), start + 2)
        stop = np.where(stop + 1 >= last[place], last[place], stop)
        splits, coins = generator.random((2, len(place)))
        split = start + 1 + (splits * (stop - start - 1)).astype(np.int64)
        rounds.append((place, start, split, stop, coins < 0.5))
        return stop

    _walk(first[has_order], last[has_order], cut)
    return _join(rounds)


def cut_full_sentences(
    part: CorpusPart, documents: NDArray[np.int64], targets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranges of pieces: as many whole sentences as fit into `targets`, (n,).

    A sentence that is longer than that makes several ranges, so that nothing is lost.
    """
    offsets = part.sentence_offsets
    first = offsets[part.document_offsets[documents]]
    last = offsets[part.document_offsets[documents + 1]]
    starts, stops = [np.empty(0, np.int64)], [np.empty(0, np.int64)]

    def cut(place: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
        stop = start + targets[place]
        whole = offsets[offsets.search(stop, side="right") - 1]
        stop = np.minimum(np.where(whole > start, whole, stop), last[place])
        starts.append(start)
        stops.append(stop)
        return stop

    _walk(first, last, cut)
    return np.concatenate(starts), np.concatenate(stops)


def _walk(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    cut: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    """Call cut(place, start) -> next start, one entry a lane that has text left, until
    each of the documents, `first` up to `last`, is used up."""
    n_lanes = max(min(len(first) // _LANE_DOCUMENTS, _MAX_LANES), _LANE_DOCUMENTS)
    place = np.arange(min(n_lanes, len(first)))
    start = first[place]
    while len(place):
        start = cut(place, start)
        is_done = start >= last[place]
        place = np.where(is_done, place + n_lanes, place)
        has_text = place < len(first)
        place, start, is_done = place[has_text], start[has_text], is_done[has_text]
        start = np.where(is_done, first[place], start)


def _enough(
    part: CorpusPart, start: NDArray[np.int64], targets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The sentence before which at least `targets` pieces are gathered."""
    offsets = part.sentence_offsets
    return offsets.search(offsets[start] + targets)


def _join(rounds: list[tuple[NDArray[Any], ...]]) -> Chunks:
    columns = list(zip(*rounds, strict=True)) or [[np.empty(0, np.int64)]] * 5
    place, start, split, stop, is_random = map(np.concatenate, columns)
    return Chunks(
        place=place,
        start=start,
        split=split,
        stop=stop,
        is_random=is_random.astype(np.bool_),
    )
