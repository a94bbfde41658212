"""BERT's pairs: hand-worked cases, then statistics of whole epochs."""

from collections import Counter
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from toy_corpus import make_split

from spacy_bert.pretraining.instances.pairs import truncated_lengths
from spacy_bert.pretraining.instances.plan import plan_block
from spacy_bert.pretraining.instances.segments import cut_next_sentences
from spacy_bert.pretraining.training_config import TrainingConfig


@dataclass
class Pairs:
    """The columns of a plan."""

    a_start: np.ndarray
    a_stop: np.ndarray
    b_start: np.ndarray
    b_stop: np.ndarray
    is_random: np.ndarray


def plan(split, *, epoch=0, max_length=64, **settings):
    config = TrainingConfig(**settings)
    pairs = plan_block(split, config, epoch=epoch, block=0, max_length=max_length)
    return Pairs(*pairs.ranges.T, pairs.is_random)


def cut(split, *, n_pieces, seed=0):
    """(document, start, middle, stop, is_random) of each pair, in iterations."""
    generator = np.random.default_rng(seed)
    documents = generator.permutation(split.n_documents)
    targets = np.full(split.n_documents, n_pieces)
    pairs = cut_next_sentences(
        split, documents, targets, faithful=False, generator=generator
    )
    columns = (
        documents[pairs.doc_index],
        pairs.start,
        pairs.middle,
        pairs.stop,
        pairs.is_random,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def document_of(split, piece):
    sentence = np.searchsorted(split.sentence_offsets, piece, side="right") - 1
    return np.searchsorted(split.document_offsets, sentence, side="right") - 1


def test_pairs_of_one_document_by_hand():
    """Sentences of 3, 4, 9 and 2 pieces, a target of 7: 3 + 4 are enough, and 9 alone
    would be, but takes the next one, so that there is a B. A random pair puts the
    sentences of its B back; a lone sentence is random."""
    split = make_split([[3, 4, 9, 2], [1, 1]])
    seen = set()
    for seed in range(200):
        pairs = [c for c in cut(split, n_pieces=7, seed=seed) if c[0] == 0]
        seen.add(tuple(tuple(c[1:]) for c in pairs))
    true, random = False, True
    assert seen == {
        ((0, 1, 2, true), (2, 3, 4, true)),
        ((0, 1, 2, true), (2, 3, 4, random), (3, 4, 4, random)),
        ((0, 1, 2, random), (1, 2, 3, true), (3, 4, 4, random)),
        ((0, 1, 2, random), (1, 2, 3, random), (2, 3, 4, true)),
    }


def test_a_pair_is_cut_anywhere_between_sentences():
    split = make_split([[1] * 5] * 2)
    seen = {cut(split, n_pieces=5, seed=seed)[0][2] % 5 for seed in range(100)}
    assert seen == {1, 2, 3, 4}


def test_nothing_is_lost_and_nothing_comes_twice(split):
    """What a random B replaces is put back: the sentences of all A and true B
    are those of the document, in order."""
    used = Counter()
    for _, start, middle, stop, is_random in cut(split, n_pieces=61):
        used.update(range(start, middle if is_random else stop))
    assert used == Counter(range(split.n_sentences))


def test_pairs_reach_the_target_and_no_further(split):
    offsets = split.sentence_offsets
    for document, start, _, stop, _ in cut(split, n_pieces=61):
        at_end = stop == split.document_offsets[document + 1]
        assert at_end or offsets[stop] - offsets[start] >= 61
        assert offsets[stop - 1] - offsets[start] < 61 or stop - start == 2


def test_a_tenth_of_the_documents_is_cut_short():
    """Sentences of one piece fill the sequences of a document to its target."""
    split = make_split([[1] * 62] * 3000)
    config = TrainingConfig(next_sentence="none")
    plan = plan_block(split, config, epoch=0, block=0, max_length=64)
    starts, stops = plan.ranges[:, 0], plan.ranges[:, 1]
    targets = (stops - starts)[starts % 62 == 0]
    assert len(targets) == 3000
    short = targets[targets < 62]
    assert abs(len(short) / 3000 - 0.1) < 0.02
    assert min(short) == 2 and max(short) > 55 and abs(np.mean(short) - 32) < 3


def test_pairs_come_from_the_right_documents(split):
    pairs = plan(split, max_length=64)
    a, b = document_of(split, pairs.a_start), document_of(split, pairs.b_start)
    assert (document_of(split, pairs.a_stop - 1) == a).all()
    assert (document_of(split, pairs.b_stop - 1) == b).all()
    assert ((a != b) == pairs.is_random).all()
    true = ~pairs.is_random
    assert (pairs.a_stop[true] <= pairs.b_start[true]).all()


def test_pairs_fit_and_have_two_halves(split):
    for max_length in (5, 16, 64):
        pairs = plan(split, max_length=max_length)
        n_a, n_b = pairs.a_stop - pairs.a_start, pairs.b_stop - pairs.b_start
        assert (n_a >= 1).all() and (n_b >= 1).all()
        assert (n_a + n_b).max() == max_length - 3


def test_random_halves_come_from_all_other_documents():
    split = make_split([[2, 2]] * 10)
    starts = Counter()
    for epoch in range(300):
        pairs = plan(split, epoch=epoch)
        starts.update((pairs.b_start[pairs.is_random] // 4).tolist())
    assert max(starts.values()) < 1.4 * min(starts.values())


@pytest.mark.parametrize(
    "documents",
    [
        [[10] * 40] * 200,  # long documents
        [[5, 5]] * 2000,  # a random pair always leaves a lone sentence
        [[5]] * 1000 + [[5] * 12] * 2000,  # lone ones together, at the front
        [[200] * 7] * 1000,  # sentences longer than a sequence
        [[30, 4, 100, 7, 2]] * 1000,
    ],
)
def test_half_of_the_pairs_are_random(documents):
    pairs = plan(make_split(documents), max_length=64)
    assert abs(pairs.is_random.mean() - 0.5) < 0.02


def test_documents_of_one_sentence_can_only_be_random():
    assert plan(make_split([[5]] * 10)).is_random.all()


def test_the_longer_half_is_cut_by_hand():
    cases = [
        ((100, 40), (85, 40)),  # only A is too long
        ((40, 100), (40, 85)),
        ((100, 90), (63, 62)),  # A down to 90, then B first in turn
        ((90, 100), (63, 62)),
        ((63, 63), (63, 62)),  # a tie takes from B
        ((60, 65), (60, 65)),  # fits
        ((1, 500), (1, 124)),
    ]
    before = np.array([case for case, _ in cases])
    n_a, n_b = truncated_lengths(before[:, 0], before[:, 1], 125)
    assert list(zip(n_a, n_b, strict=True)) == [after for _, after in cases]


def test_cutting_equals_the_original_loop():
    random = Random(0)
    for _ in range(200):
        a, b = random.randint(1, 80), random.randint(1, 80)
        n_a, n_b = a, b
        while n_a + n_b > 40:
            n_a, n_b = (n_a - 1, n_b) if n_a > n_b else (n_a, n_b - 1)
        got = truncated_lengths(np.array([a]), np.array([b]), 40)
        assert (got[0][0], got[1][0]) == (n_a, n_b)


def test_pieces_go_from_the_front_as_often_as_from_the_back():
    split = make_split([[200, 200]] * 500)
    pairs = plan(split, max_length=103, short_seq_prob=0.0)
    offset = pairs.a_start % 200
    assert offset.max() - offset.min() > 20
    assert abs(offset.mean() - 75) < 2  # of 150 that go


def test_a_plan_is_a_function_of_seed_and_epoch(split):
    first, again = plan(split, epoch=3), plan(split, epoch=3)
    for name in ("a_start", "a_stop", "b_start", "b_stop", "is_random"):
        assert (getattr(first, name) == getattr(again, name)).all()
    for other in (plan(split, epoch=4), plan(split, epoch=3, seed=1)):
        n = min(len(first.a_start), len(other.a_start))
        assert (first.a_start[:n] != other.a_start[:n]).mean() > 0.9


def test_pairs_are_shuffled(split):
    documents = document_of(split, plan(split).a_start)
    assert (np.diff(documents) == 0).mean() < 0.05


@pytest.mark.parametrize("faithful", [False, True])
def test_of_a_long_sentence_any_part_is_shown(faithful):
    """By the original, whose coins fall evenly, only the middle of it."""
    split = make_split([[400, 400]] * 50)
    is_seen = np.zeros(400, np.bool_)
    for epoch in range(20):
        pairs = plan(split, epoch=epoch, max_length=32, faithful=faithful)
        for start, stop in zip(pairs.a_start, pairs.a_stop, strict=True):
            is_seen[start % 400 : start % 400 + stop - start] = True
    assert is_seen.mean() < 0.3 if faithful else is_seen.mean() > 0.95
