"""Embeddings that start from what can be counted instead of noise.

A new BERT spends its first minutes learning how frequent each piece is, which ones go
together, and which positions are next to each other. So the rows of a truncated SVD of
positive pointwise mutual information (Levy and Goldberg 2014, section 3.2) become the
piece embeddings, log frequencies the bias of the MLM head, and the first layer looks at
the neighbours of each piece. All of this is learned further.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...corpus.index.files import CorpusSplit
from ...corpus.progress_bar import Bar, Write, still_working
from ...model import BertForPretraining
from ...model.layers import EncoderLayer
from ...tokenization import PieceTokenizer
from .position_init import attend_to_neighbours, make_frequencies, make_sinusoids

WINDOW = 5

# Standard deviation of the embeddings, in units of the model's initializer_range.
SCALE = 6.0

# More text than this changes the counts of pairs little; what is read is spread evenly.
MAX_PIECES = 4_000_000
_BLOCK_PIECES = 500_000

_OVERSAMPLING = 32


@torch.no_grad()
def warm_start(
    model: BertForPretraining,
    split: CorpusSplit,
    tokenizer: PieceTokenizer,
    log_probs: Tensor,
    *,
    write: Write | None = None,
) -> None:
    """Overwrite the embeddings of positions and of all but special pieces, the MLM
    bias, and the first layer's attention.

    log_probs: of single pieces, (vocab_size,). write: takes lines on how far it is.
    """
    std = SCALE * model.config.initializer_range
    embeddings = model.encoder.embeddings
    pieces, positions = embeddings.pieces.weight, embeddings.positions.weight
    frequencies = make_frequencies(model.config.hidden_width)
    n_pieces = tokenizer.n_pieces
    # The other dimensions are those of the positions.
    width = model.config.hidden_width - 2 * len(frequencies)
    pairs = count_pairs(split, n_pieces, write=write)
    with still_working("Finding embeddings", write):
        associations = positive_pmi(pairs, n_pieces)
        rank = min(width + _OVERSAMPLING, n_pieces)
        u, s, _ = torch.svd_lowrank(associations, q=rank, niter=2)
    vectors = (u * s.sqrt())[:, :width].float()
    vectors *= std / vectors.std()
    is_special = torch.zeros(n_pieces, dtype=torch.bool, device=pieces.device)
    is_special[[*tokenizer.special_ids]] = True
    # Pieces that never occur have no associations, and keep their noise.
    is_known = torch.zeros_like(is_special)
    is_known[associations.indices()[0]] = True
    known = (is_known & ~is_special).nonzero().flatten()
    pieces[known] = 0.0
    pieces[known, : vectors.shape[1]] = vectors[known]
    positions.zero_()
    positions[:, width:] = std * make_sinusoids(frequencies, len(positions))
    first = model.encoder.layers[0]
    assert isinstance(first, EncoderLayer)
    attend_to_neighbours(first.attention, frequencies)
    model.mlm.bias.copy_(log_probs)


# Each pair of pieces as one number, and how often it occurs.
_Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def count_pairs(
    split: CorpusSplit, n_pieces: int, *, write: Write | None = None
) -> _Pairs:
    """Pairs of pieces at most WINDOW apart in a sentence, as a * n_pieces + b, in both
    orders, and how often each occurs."""
    keys, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    n_read = min(split.n_pieces, MAX_PIECES)
    with Bar("Counting pairs", n_read, unit=" pieces", write=write) as bar:
        for ids, sentences in _blocks(split):
            found = []
            for distance in range(1, WINDOW + 1):
                is_near = sentences[distance:] == sentences[:-distance]
                found.append((ids[:-distance] * n_pieces + ids[distance:])[is_near])
            new = np.unique(np.concatenate(found), return_counts=True)
            keys, counts = _merge((keys, counts), new)
            bar.update(len(ids))
    a, b = np.divmod(keys, n_pieces)
    return _merge((keys, counts), (b * n_pieces + a, counts))


def positive_pmi(pairs: _Pairs, n_pieces: int) -> Tensor:
    """log(p(a, b) / (p(a) p(b))) where that is positive, sparse. Each piece counts as
    context by its frequency to the power of 3/4, as rare ones would weigh too much."""
    keys, counts = pairs
    a, b = np.divmod(keys, n_pieces)
    as_piece = np.bincount(a, weights=counts, minlength=n_pieces)
    as_context = as_piece**0.75
    expected = as_piece[a] * as_context[b] / max(as_context.sum(), 1.0)
    pmi = np.log(counts / expected)
    is_positive = pmi > 0
    indices = torch.from_numpy(np.stack((a[is_positive], b[is_positive])))
    values = torch.from_numpy(pmi[is_positive]).float()
    return torch.sparse_coo_tensor(
        indices,
        values,
        (n_pieces, n_pieces),
        device=values.device,
        check_invariants=False,
    ).coalesce()


def _merge(one: _Pairs, other: _Pairs) -> _Pairs:
    keys, where = np.unique(np.concatenate((one[0], other[0])), return_inverse=True)
    counts = np.bincount(where, weights=np.concatenate((one[1], other[1])))
    return keys, counts.astype(np.int64)


def _blocks(
    split: CorpusSplit,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Piece ids, and the number of the sentence that each is in."""
    n_read = min(split.n_pieces, MAX_PIECES)
    n_blocks = -(-n_read // _BLOCK_PIECES)
    starts = np.linspace(0, split.n_pieces, n_blocks, endpoint=False).astype(np.int64)
    size = -(-n_read // n_blocks)
    for start in starts:
        stop = min(start + size, split.n_pieces)
        positions = np.arange(start, stop)
        sentences = split.sentence_offsets.search(positions, side="right")
        yield split.piece_ids[start:stop].astype(np.int64), sentences
