"""Masked pieces: hand-worked cases, then statistics."""

from dataclasses import dataclass

import numpy as np
import pytest

from spacy_bert.pretraining.instances.masking import Masking, make_masking, mask_pieces
from spacy_bert.pretraining.instances.randomness import Stream, draw_random_numbers
from spacy_bert.pretraining.instances.sequences import Sequences
from spacy_bert.pretraining.training_config import TrainingConfig
from spacy_bert.tokenization import WordPiece

LETTERS = "a b c d e f g h i j".split()
WORDPIECE = WordPiece("[PAD] [UNK] [CLS] [SEP] [MASK] [unused0]".split() + LETTERS)
CLS, SEP, MASK, UNK = 2, 3, 4, 1


def make(**settings) -> Masking:
    return make_masking(WORDPIECE, TrainingConfig(**settings))


def sequences(n: int, length: int) -> np.ndarray:
    """[CLS] ... [SEP] ... [SEP], of letters."""
    ids = np.tile(np.arange(length) % len(LETTERS) + 6, (n, 1))
    ids[:, 0], ids[:, length // 2], ids[:, -1] = CLS, SEP, SEP
    return ids


@dataclass
class Masked:
    ids: np.ndarray
    is_masked: np.ndarray


def mask(ids, masking, *, random_numbers=None, word_starts=None) -> Masked:
    """Sequences of one length, as a matrix."""
    n, length = ids.shape
    if random_numbers is None:
        width = masking.n_random * length
        random_numbers = draw_random_numbers(
            0, 0, Stream.MASKS, 0, range(n), width
        ).reshape(n, -1, length)
    if word_starts is None:
        word_starts = np.ones(ids.shape, dtype=bool)
    sequences = Sequences(
        ids=ids.ravel(),
        segment_ids=np.zeros_like(ids.ravel()),
        lengths=np.full(n, length),
        word_starts=word_starts.ravel(),
    )
    masked = mask_pieces(sequences, random_numbers, masking)
    return Masked(masked.ids.reshape(n, -1), masked.is_masked.reshape(n, -1))


def test_by_hand():
    """0.3 * 10 = 3 of 10 pieces are hidden: those with the lowest priorities that are
    not special. One becomes [MASK], one the last random piece,
    one stays."""
    ids = np.array([[CLS, 6, 7, SEP, 8, 9, UNK, 10, 11, SEP]])
    priorities = [0.0, 0.9, 0.1, 0.0, 0.8, 0.2, 0.0, 0.3, 0.7, 0.0]
    actions = [0.0, 0.0, 0.79, 0.0, 0.0, 0.89, 0.0, 0.91, 0.0, 0.0]
    random_numbers = np.array([[priorities, actions, [0.999] * 10]])
    masked = mask(ids, make(mask_prob=0.3), random_numbers=random_numbers)
    assert np.flatnonzero(masked.is_masked).tolist() == [2, 5, 7]
    assert masked.ids.tolist() == [[CLS, 6, MASK, SEP, 8, 15, UNK, 10, 11, SEP]]


@pytest.mark.parametrize("length, n_masked", [(5, 1), (10, 2), (20, 3), (128, 19)])
def test_exactly_fifteen_percent_are_hidden(length, n_masked):
    """round(1.5) = 2: halves go to the even number, as in the original."""
    masked = mask(sequences(50, length), make())
    assert (masked.is_masked.sum(axis=1) == n_masked).all()


def test_special_pieces_are_never_hidden_nor_put_in():
    ids = sequences(200, 20)
    ids[:, 5] = UNK
    masked = mask(ids, make(mask_prob=1.0, mask_token_prob=0.0, random_piece_prob=1.0))
    is_special = np.isin(ids, [CLS, SEP, UNK])
    assert (masked.is_masked == ~is_special).all()
    assert (masked.ids[is_special] == ids[is_special]).all()
    assert set(masked.ids[~is_special]) == set(range(6, 16))  # no [unused0]


def test_a_sequence_of_unknown_pieces_hides_nothing():
    assert not mask(np.array([[CLS, UNK, SEP, UNK, SEP]]), make()).is_masked.any()


def test_eighty_ten_ten():
    ids = sequences(3000, 100)
    masked = mask(ids, make())
    after, before = masked.ids[masked.is_masked], ids[masked.is_masked]
    assert abs((after == MASK).mean() - 0.8) < 0.01
    # One in ten random pieces is the piece that was there.
    assert abs((after == before).mean() - 0.11) < 0.01
    changed = after[(after != MASK) & (after != before)]
    fractions = np.bincount(changed, minlength=16)[6:] / len(changed)
    assert abs(fractions - 0.1).max() < 0.02
    assert (masked.ids[~masked.is_masked] == ids[~masked.is_masked]).all()


def test_every_piece_is_hidden_as_often():
    masked = mask(sequences(3000, 40), make())
    fractions = masked.is_masked.mean(axis=0)[sequences(1, 40)[0] >= 6]
    assert abs(fractions - 6 / 37).max() < 0.03


def test_fewer_are_hidden_at_will():
    masked = mask(sequences(50, 40), make(max_predictions_per_seq=2))
    assert (masked.is_masked.sum(axis=1) == 2).all()


def words(n: int) -> np.ndarray:
    """[CLS] and words of 1, 2, 3, 4 and 8 pieces, [SEP], the same again, [SEP]."""
    starts = [True]
    for width in (1, 2, 3, 4, 8) * 2:
        starts += [True] + [False] * (width - 1)
        starts += [True] if len(starts) in (19, 38) else []
    return np.tile(starts, (n, 1))


@pytest.mark.parametrize("kind", ["words", "spans"])
def test_long_words_are_hidden_as_often_as_short_ones(kind):
    """6 of 39 pieces, of which 36 can be hidden: every piece with the chance 6 / 36."""
    n = 10_000
    ids, starts = sequences(n, 39), words(n)
    assert starts.shape == ids.shape
    masked = mask(ids, make(masking=kind), word_starts=starts)
    inside = ~starts & (ids >= 6)
    before = np.roll(masked.is_masked, 1, axis=1)
    assert (masked.is_masked[inside] == before[inside]).all()
    fractions = masked.is_masked.mean(axis=0)[ids[0] >= 6]
    assert abs(fractions - 1 / 6).max() < 5 * (5 / 36 / n) ** 0.5
    assert masked.is_masked.sum() / n == pytest.approx(6, abs=0.15)


def test_a_span_has_one_fate():
    """Neighbours that are hidden become [MASK] together, but for two spans side by
    side; pieces of a word each on their own: both of two 0.8 * 0.8 of the time."""
    ids, starts = sequences(4000, 39), words(4000)
    together = {}
    for kind in ("words", "spans"):
        masked = mask(ids, make(masking=kind), word_starts=starts)
        both = masked.is_masked[:, 1:] & masked.is_masked[:, :-1] & ~starts[:, 1:]
        is_mask = masked.ids == MASK
        together[kind] = (is_mask[:, 1:] & is_mask[:, :-1])[both].mean()
    assert together["words"] == pytest.approx(0.64, abs=0.02)
    assert together["spans"] == pytest.approx(0.8, abs=0.03)


def test_a_vocabulary_with_nothing_to_mask_is_refused():
    tokenizer = WordPiece("[PAD] [UNK] [CLS] [SEP] [MASK] [unused1]".split())
    with pytest.raises(ValueError, match="nothing to mask"):
        make_masking(tokenizer, TrainingConfig())
