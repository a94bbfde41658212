"""An epoch in blocks of documents, so that planning takes the same memory in a corpus
of any size.

The split is cut into chunks of neighbouring documents. They are shuffled, a block
takes many of them, and its documents are shuffled again: a small corpus is one block
and wholly shuffled, a large one is read in pieces that are cheap to fetch.
"""

import numpy as np
from numpy.typing import NDArray

from ...corpus.index.files import CorpusSplit
from ...ranges import expand_ranges
from .randomness import Stream, make_generator

CHUNK_PIECES = 1 << 16
# 16 million pieces: 130,000 instances of length 128, whose plan takes 7 MB.
BLOCK_CHUNKS = 1 << 8


def count_blocks(split: CorpusSplit) -> int:
    return -(-_n_chunks(split) // BLOCK_CHUNKS)


def read_block(
    split: CorpusSplit, *, seed: int, epoch: int, block: int
) -> NDArray[np.int64]:
    """The documents of a block, in random order. (n_documents of the block,)

    The blocks of an epoch, together, have each document once.
    """
    order = make_generator(seed, epoch, Stream.DOCUMENTS).permutation(_n_chunks(split))
    chunks = order[block * BLOCK_CHUNKS : (block + 1) * BLOCK_CHUNKS]
    first = _first_document(split, chunks * CHUNK_PIECES)
    last = _first_document(split, (chunks + 1) * CHUNK_PIECES)
    documents = expand_ranges(first, last - first)
    # Block 0 of the stream is the order of the chunks.
    generator = make_generator(seed, epoch, Stream.DOCUMENTS, block + 1)
    return generator.permutation(documents)


def _n_chunks(split: CorpusSplit) -> int:
    return -(-split.n_pieces // CHUNK_PIECES)


def _first_document(split: CorpusSplit, pieces: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first document that starts at each piece or later."""
    pieces = np.minimum(pieces, split.n_pieces)
    sentences = split.sentence_offsets.search(pieces)
    return split.document_offsets.search(sentences)
