"""Masked pieces: hand-worked cases, then statistics."""

import numpy as np
import pytest

from spacy_bert.pretraining.masking import (
    Masking,
    draw_for_masks,
    make_masking,
    mask_pieces,
)
from spacy_bert.tokenization import WordPiece

LETTERS = "a b c d e f g h i j".split()
WORDPIECE = WordPiece("[PAD] [UNK] [CLS] [SEP] [MASK] [unused0]".split() + LETTERS)
CLS, SEP, MASK, UNK, PAD = 2, 3, 4, 1, 0


def make(**changes) -> Masking:
    probs = {"mask_prob": 0.15, "mask_token_prob": 0.8, "random_piece_prob": 0.1}
    return make_masking(WORDPIECE, **probs | changes)


def rows(n: int, length: int) -> np.ndarray:
    """[CLS] ... [SEP] ... [SEP], of letters."""
    ids = np.tile(np.arange(length) % len(LETTERS) + 6, (n, 1))
    ids[:, 0], ids[:, length // 2], ids[:, -1] = CLS, SEP, SEP
    return ids


def mask(ids, masking, *, seed=0, epoch=0):
    places = [(epoch, position) for position in range(len(ids))]
    lengths = (ids != PAD).sum(axis=1)
    draws = draw_for_masks(seed, places, ids.shape[1])
    return mask_pieces(ids, lengths, draws, masking)


def test_by_hand():
    """Of 10 pieces 0.3 * 10 = 3 are hidden: those with the lowest ranks that are not
    special. One becomes [MASK], one the last random piece, one stays."""
    ids = np.array([[CLS, 6, 7, SEP, 8, 9, UNK, 10, 11, SEP]])
    ranks = [0.0, 0.9, 0.1, 0.0, 0.8, 0.2, 0.0, 0.3, 0.7, 0.0]
    fates = [0.0, 0.0, 0.79, 0.0, 0.0, 0.89, 0.0, 0.91, 0.0, 0.0]
    draws = np.array([[ranks, fates, [0.999] * 10]])
    masked = mask_pieces(ids, np.array([10]), draws, make(mask_prob=0.3))
    assert np.flatnonzero(masked.is_masked).tolist() == [2, 5, 7]
    assert masked.ids.tolist() == [[CLS, 6, MASK, SEP, 8, 15, UNK, 10, 11, SEP]]


@pytest.mark.parametrize("length, n_masked", [(5, 1), (10, 2), (20, 3), (128, 19)])
def test_exactly_fifteen_percent_are_hidden(length, n_masked):
    """round(1.5) = 2: halves go to the even number, as in the original."""
    masked = mask(rows(50, length), make())
    assert (masked.is_masked.sum(axis=1) == n_masked).all()


def test_special_pieces_are_never_hidden_nor_put_in():
    ids = rows(200, 20)
    ids[:, 5], ids[:100, 15:] = UNK, PAD
    masked = mask(ids, make(mask_prob=1.0, mask_token_prob=0.0, random_piece_prob=1.0))
    is_special = np.isin(ids, [CLS, SEP, UNK, PAD])
    assert (masked.is_masked == ~is_special).all()
    assert (masked.ids[is_special] == ids[is_special]).all()
    assert set(masked.ids[~is_special]) == set(range(6, 16))  # no [unused0]


def test_a_sequence_of_unknown_pieces_hides_nothing():
    assert not mask(np.array([[CLS, UNK, SEP, UNK, SEP]]), make()).is_masked.any()


def test_eighty_ten_ten():
    ids = rows(3000, 100)
    masked = mask(ids, make())
    after, before = masked.ids[masked.is_masked], ids[masked.is_masked]
    assert abs((after == MASK).mean() - 0.8) < 0.01
    # One in ten random pieces is the piece that was there.
    assert abs((after == before).mean() - 0.11) < 0.01
    changed = after[(after != MASK) & (after != before)]
    shares = np.bincount(changed, minlength=16)[6:] / len(changed)
    assert abs(shares - 0.1).max() < 0.02
    assert (masked.ids[~masked.is_masked] == ids[~masked.is_masked]).all()


def test_every_piece_is_hidden_as_often():
    masked = mask(rows(3000, 40), make())
    shares = masked.is_masked.mean(axis=0)[rows(1, 40)[0] >= 6]
    assert abs(shares - 6 / 37).max() < 0.03


def test_masks_are_new_in_every_epoch_and_the_same_in_the_same_one():
    ids = rows(100, 128)
    first = mask(ids, make())
    again = mask(ids, make())
    assert (first.ids == again.ids).all()
    for other in (mask(ids, make(), epoch=1), mask(ids, make(), seed=1)):
        both = (first.is_masked & other.is_masked).sum() / first.is_masked.sum()
        assert abs(both - 0.15) < 0.03


def test_a_mask_depends_on_its_place_alone():
    """Not on the other sequences of the batch, nor on how far they are padded."""
    alone = draw_for_masks(0, [(2, 17)], 30)[0]
    within = draw_for_masks(0, [(2, 16), (2, 17), (3, 0)], 50)[1]
    assert (alone == within[:, :30]).all()


def test_a_vocabulary_with_nothing_to_mask_is_refused():
    wordpiece = WordPiece("[PAD] [UNK] [CLS] [SEP] [MASK] [unused1]".split())
    with pytest.raises(ValueError, match="nothing to mask"):
        make_masking(
            wordpiece, mask_prob=0.15, mask_token_prob=0.8, random_piece_prob=0.1
        )
