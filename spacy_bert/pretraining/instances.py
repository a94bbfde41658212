"""Next-sentence pairs: BERT's algorithm, planned for a whole epoch.

It is that of create_pretraining_data.py (google-research/bert): whole sentences are
gathered up to a target length, which a tenth of the documents has shorter; they are
cut in two at random; in half of the pairs the second half comes from another document
instead, and the sentences it replaces are put back; the longer half is shortened at
its front or back until both fit.

Two things differ, so that half of the pairs are true. The original calls every chunk
of one sentence random, on top of half of the others. Here a chunk takes a second
sentence wherever its document has one; and what must be random (a last sentence left
over) counts: while random pairs are ahead, the next one that can be true is. Documents
are visited in random order, so no kind of document pays for another. Where more
than half of all chunks are lone sentences, the share of random pairs stays above half.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .index import CorpusPart
from .randomness import Stream, draw_uniforms, make_generator

# [CLS] A [SEP] B [SEP]
N_SPECIAL = 3


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Sentences of a document: A is start up to split; B is split up to stop, unless
    it is random. `target`: how many pieces the pair is meant to have."""

    document: int
    start: int
    split: int
    stop: int
    target: int
    is_random: bool


@dataclass(frozen=True, kw_only=True)
class EpochPlan:
    """Each pair as two ranges of pieces, in training's order. int64, (n_pairs,)"""

    a_start: NDArray[np.int64]
    a_stop: NDArray[np.int64]
    b_start: NDArray[np.int64]
    b_stop: NDArray[np.int64]
    is_random: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.a_start)


def plan_epoch(
    part: CorpusPart, *, seed: int, epoch: int, max_length: int, short_seq_prob: float
) -> EpochPlan:
    """A pure function of its arguments. Needs at least two documents."""
    n_pieces = max_length - N_SPECIAL
    chunks = list(
        cut_chunks(
            part, seed=seed, epoch=epoch, n_pieces=n_pieces, short_prob=short_seq_prob
        )
    )
    document, start, split, stop, target, label = _columns(chunks)
    offsets = part.sentence_offsets
    a_start, a_stop = offsets[start], offsets[split]
    b_start, b_stop = offsets[split], offsets[stop]
    is_random = label.astype(np.bool_)
    b_start[is_random], b_stop[is_random] = _random_next(
        part,
        document[is_random],
        n_wanted=(target - a_stop + a_start)[is_random],
        generator=make_generator(seed, epoch, Stream.NEXT_SENTENCES),
    )
    cut = make_generator(seed, epoch, Stream.TRUNCATION)
    n_a, n_b = truncated_lengths(a_stop - a_start, b_stop - b_start, n_pieces)
    a_start, a_stop = _shorten(a_start, a_stop, n_a, cut)
    b_start, b_stop = _shorten(b_start, b_stop, n_b, cut)
    order = make_generator(seed, epoch, Stream.ORDER).permutation(len(chunks))
    return EpochPlan(
        a_start=a_start[order],
        a_stop=a_stop[order],
        b_start=b_start[order],
        b_stop=b_stop[order],
        is_random=is_random[order],
    )


def cut_chunks(
    part: CorpusPart, *, seed: int, epoch: int, n_pieces: int, short_prob: float
) -> Iterator[Chunk]:
    """Documents -> chunks with their labels. Sentences are numbered over the part."""
    generator = make_generator(seed, epoch, Stream.CHUNKS)
    order = generator.permutation(part.n_documents).tolist()
    draws = draw_uniforms(generator)
    n_random_ahead = 0
    for document in order:
        first, last = part.document_offsets[document : document + 2].tolist()
        offsets = part.sentence_offsets[first : last + 1].tolist()
        target = n_pieces
        if next(draws) < short_prob:
            target = 2 + int(next(draws) * (n_pieces - 1))
        start, end = 0, last - first
        while start < end:
            enough = bisect_left(offsets, offsets[start] + target, start + 1)
            stop = min(max(enough, start + 2), end)
            split = start + 1 + int(next(draws) * (stop - start - 1))
            is_head = next(draws) < 0.5
            is_random = split == stop or (n_random_ahead <= 0 and is_head)
            yield Chunk(
                document=document,
                start=first + start,
                split=first + split,
                stop=first + stop,
                target=target,
                is_random=is_random,
            )
            n_random_ahead += 1 if is_random else -1
            # The sentences that a random B takes the place of are put back.
            start = split if is_random else stop


def truncated_lengths(
    n_a: NDArray[np.int64], n_b: NDArray[np.int64], n_pieces: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is left when the longer one loses a piece, B where both are equal, until
    both fit. (100, 40) in 125 -> (85, 40); (100, 90) in 125 -> (63, 62)"""
    excess = np.maximum(n_a + n_b - n_pieces, 0)
    a_first = np.clip(n_a - n_b, 0, excess)
    b_first = np.clip(n_b - n_a, 0, excess)
    rest = excess - a_first - b_first
    return n_a - a_first - rest // 2, n_b - b_first - (rest + 1) // 2


def _columns(chunks: list[Chunk]) -> tuple[NDArray[np.int64], ...]:
    rows = [
        (c.document, c.start, c.split, c.stop, c.target, c.is_random) for c in chunks
    ]
    return tuple(np.array(rows, dtype=np.int64).reshape(-1, 6).T.copy())


def _random_next(
    part: CorpusPart,
    document: NDArray[np.int64],
    *,
    n_wanted: NDArray[np.int64],
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each, pieces of another document: whole sentences from a random one on, up to
    `n_wanted` pieces or the document's end, and at least one sentence."""
    other = generator.integers(part.n_documents - 1, size=len(document))
    other += other >= document
    first, last = part.document_offsets[other], part.document_offsets[other + 1]
    start = generator.integers(first, last)
    offsets = part.sentence_offsets
    enough = np.searchsorted(offsets, offsets[start] + n_wanted)
    stop = np.minimum(np.maximum(enough, start + 1), last)
    return offsets[start], offsets[stop]


def _shorten(
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    length: NDArray[np.int64],
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut to `length`; a fair coin for each piece: front or back."""
    from_front = generator.binomial(stop - start - length, 0.5)
    return start + from_front, start + from_front + length
