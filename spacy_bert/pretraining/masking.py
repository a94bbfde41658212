"""Masked language modelling: which pieces are hidden, and what stands there instead.

As in Devlin et al. 2018, section 3.1: 15 % of the pieces of a sequence, of which 80 %
become [MASK], 10 % a random piece and 10 % stay. Unlike the original, special pieces
are neither hidden nor drawn as random ones, and masks are new in every epoch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..tokenization import WordPiece
from ..tokenization.wordpiece import SPECIAL_PIECES
from .randomness import Stream, make_generator

# How many random numbers a piece takes: its rank, its fate, its replacement.
_N_DRAWS = 3


@dataclass(frozen=True, kw_only=True)
class Masking:
    """The rules. is_special: bool, (n_pieces of the vocabulary,). random_ids: pieces
    that may stand in for another, neither special nor [unused...]."""

    mask_prob: float
    mask_token_prob: float
    random_piece_prob: float
    mask_id: int
    is_special: NDArray[np.bool_]
    random_ids: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MaskedIds:
    """ids: as the model sees them; is_masked: which it must predict. Both
    (n_sequences, longest)."""

    ids: NDArray[np.int64]
    is_masked: NDArray[np.bool_]


def make_masking(
    wordpiece: WordPiece,
    *,
    mask_prob: float,
    mask_token_prob: float,
    random_piece_prob: float,
) -> Masking:
    pieces = wordpiece.pieces
    is_special = np.array([piece in SPECIAL_PIECES for piece in pieces])
    is_unused = [bool(re.fullmatch(r"\[unused\d+\]", piece)) for piece in pieces]
    random_ids = np.flatnonzero(~(is_special | np.array(is_unused)))
    if not len(random_ids):
        raise ValueError("The vocabulary has special pieces only: nothing to mask.")
    return Masking(
        mask_prob=mask_prob,
        mask_token_prob=mask_token_prob,
        random_piece_prob=random_piece_prob,
        mask_id=wordpiece.mask_id,
        is_special=is_special,
        random_ids=random_ids,
    )


def draw_for_masks(
    seed: int, places: Sequence[tuple[int, int]], length: int
) -> NDArray[np.float64]:
    """Numbers in [0, 1) for each (epoch, position). (n_places, 3, length)"""
    draws = [
        make_generator(seed, epoch, Stream.MASKS, position).random((length, _N_DRAWS))
        for epoch, position in places
    ]
    return np.stack(draws).transpose(0, 2, 1)


def mask_pieces(
    ids: NDArray[np.int64],
    lengths: NDArray[np.int64],
    draws: NDArray[np.float64],
    masking: Masking,
) -> MaskedIds:
    """Hide max(1, round(mask_prob * length)) pieces of each row of `ids`.

    ids: (n_sequences, longest), padded with [PAD]. Fewer are hidden only in a row that
    has fewer pieces which are not special.
    """
    rank_draws, fate_draws, piece_draws = draws.transpose(1, 0, 2)
    is_special = masking.is_special[ids]
    rank_draws = np.where(is_special, 2.0, rank_draws)
    ranks = rank_draws.argsort(axis=1).argsort(axis=1)
    n_masked = np.maximum(np.rint(masking.mask_prob * lengths), 1)
    is_masked = (ranks < n_masked[:, None]) & ~is_special
    becomes_mask = is_masked & (fate_draws < masking.mask_token_prob)
    changed_prob = masking.mask_token_prob + masking.random_piece_prob
    becomes_random = is_masked & ~becomes_mask & (fate_draws < changed_prob)
    n_random = len(masking.random_ids)
    random_pieces = masking.random_ids[(piece_draws * n_random).astype(np.int64)]
    masked = np.where(becomes_mask, masking.mask_id, ids)
    masked = np.where(becomes_random, random_pieces, masked)
    return MaskedIds(ids=masked, is_masked=is_masked)
