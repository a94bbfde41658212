"""Documents -> pairs of segments, A and B, with their labels.

Pairs follow create_pretraining_data.py (google-research/bert): whole sentences are
gathered up to a target length, and cut in two at random; in half of the pairs the
second half comes from another document instead, and the sentences it replaces are put
back; the longer half is shortened at its front or back until both fit.

"nsp" differs from the original by default, so that half of the pairs are true. The
original calls every pair of one sentence random, on top of half of the others. Here a
pair takes a second sentence wherever its document has one; and what must be random (a
last sentence left over) counts: the other pairs are true so much more often. They come
from all over the corpus, so no kind of document pays for another. If more than half
of all pairs are lone sentences, more than half of the pairs stay random. The
original may also take the random half from the same document, which it tries ten times
to avoid. With `faithful` all of this, and what `_shorten` says, is as in the original.

"sop" (Lan et al. 2019, section 3.1): both halves are of one document, in half of the
pairs in the wrong order.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...corpus.index.files import CorpusSplit
from .randomness import Stream
from .segments import SegmentPairs, cut_next_sentences, cut_ordered

# How often the original draws another document before it takes the same one.
_N_TRIES = 10


def make_pairs(
    split: CorpusSplit,
    documents: NDArray[np.int64],
    targets: NDArray[np.int64],
    *,
    n_pieces: int,
    task: Literal["nsp", "sop"],
    faithful: bool,
    generator_for: Callable[[Stream], np.random.Generator],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Ranges of pieces, (n_pairs, 4): A from and up to, B from and up to; and which B
    is random, or swapped with A, (n_pairs,).

    targets: how many pieces the pairs of each document are meant to have, (n_documents
        of the block,). n_pieces: how many they have at most.
    """
    if task == "sop":
        segments = cut_ordered(
            split, documents, targets, generator=generator_for(Stream.SEGMENTS)
        )
        ranges = _true_pairs(split, segments)
        # Before they are shortened: that treats A and B differently, and lengths would
        # give the order away.
        ranges = np.where(segments.is_random[:, None], ranges[:, [2, 3, 0, 1]], ranges)
    else:
        segments = cut_next_sentences(
            split,
            documents,
            targets,
            faithful=faithful,
            generator=generator_for(Stream.SEGMENTS),
        )
        ranges = _true_pairs(split, segments)
        is_random = segments.is_random
        doc_index = segments.doc_index[is_random]
        ranges[is_random, 2:] = _random_next(
            split,
            documents[doc_index],
            n_wanted=targets[doc_index] - (ranges[is_random, 1] - ranges[is_random, 0]),
            faithful=faithful,
            generator=generator_for(Stream.NEXT_SENTENCES),
        )
    ranges = _shorten(
        ranges, n_pieces, faithful=faithful, generator=generator_for(Stream.TRUNCATION)
    )
    return ranges, segments.is_random


def truncated_lengths(
    n_a: NDArray[np.int64], n_b: NDArray[np.int64], n_pieces: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is left when the longer one loses a piece, B if both are equal, until
    both fit. (100, 40) in 125 -> (85, 40); (100, 90) in 125 -> (63, 62)"""
    excess = np.maximum(n_a + n_b - n_pieces, 0)
    a_first = np.clip(n_a - n_b, 0, excess)
    b_first = np.clip(n_b - n_a, 0, excess)
    rest = excess - a_first - b_first
    return n_a - a_first - rest // 2, n_b - b_first - (rest + 1) // 2


def _true_pairs(split: CorpusSplit, segments: SegmentPairs) -> NDArray[np.int64]:
    start, middle, stop = (
        split.sentence_offsets[i]
        for i in (segments.start, segments.middle, segments.stop)
    )
    return np.stack((start, middle, middle, stop), axis=1)


def _random_next(
    split: CorpusSplit,
    documents: NDArray[np.int64],
    *,
    n_wanted: NDArray[np.int64],
    faithful: bool,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """For each, pieces of another document: whole sentences from a random one on, up to
    `n_wanted` pieces or the document's end, and at least one sentence. (n, 2)"""
    other = generator.integers(split.n_documents - 1, size=len(documents))
    other += other >= documents
    if faithful:
        same_prob = float(split.n_documents) ** -_N_TRIES
        is_same = generator.random(len(documents)) < same_prob
        other = np.where(is_same, documents, other)
    first, last = split.document_offsets[other], split.document_offsets[other + 1]
    start = generator.integers(first, last)
    offsets = split.sentence_offsets
    enough = offsets.search(offsets[start] + n_wanted)
    stop = np.minimum(np.maximum(enough, start + 1), last)
    return np.stack((offsets[start], offsets[stop]), axis=1)


def _shorten(
    ranges: NDArray[np.int64],
    n_pieces: int,
    *,
    faithful: bool,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Both halves together to `n_pieces`, at the front, the back, or both.

    The original throws a fair coin for each piece that goes, so that of a long sentence
    it is always the middle that stays. By default any range of it may.
    """
    starts, stops = ranges[:, 0::2], ranges[:, 1::2]
    widths = stops - starts
    left = np.stack(truncated_lengths(widths[:, 0], widths[:, 1], n_pieces), axis=1)
    excess = widths - left
    if faithful:
        n_front = generator.binomial(excess, 0.5)
    else:
        n_front = generator.integers(excess, endpoint=True)
    starts = starts + n_front
    return np.stack((starts, starts + left), axis=2).reshape(-1, 4)
