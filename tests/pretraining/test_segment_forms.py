"""The forms other than BERT's own: two segments in order or swapped, and one alone."""

from collections import Counter

import numpy as np
from toy_corpus import make_split

from spacy_bert.pretraining.instances.plan import plan_block
from spacy_bert.pretraining.training_config import TrainingConfig


def plan(split, task, *, max_length=64, **settings):
    config = TrainingConfig(next_sentence=task, **settings)
    return plan_block(split, config, epoch=0, block=0, max_length=max_length)


def test_ordered_pairs_by_hand():
    """Sentences of 3, 4, 9, 2 and 5 pieces, a target of 7: 3 + 4 are enough; 9 takes 2
    with it, and 5, which would be left alone. A document of one sentence has none."""
    split, seen = make_split([[3, 4, 9, 2, 5], [6]]), set()
    for seed in range(200):
        pairs = plan(split, "sop", seed=seed, short_seq_prob=0.0, max_length=10)
        for (a, _, b, _), is_swapped in zip(pairs.ranges, pairs.is_random, strict=True):
            # Truncation may take pieces from the front of a segment.
            sentences = (
                np.searchsorted(split.sentence_offsets, [a, b], side="right") - 1
            )
            seen.add((*sentences.tolist(), bool(is_swapped)))
    in_order = {(0, 1), (2, 3), (2, 4)}
    assert {(a, b) for a, b, is_swapped in seen if not is_swapped} >= in_order
    assert {(b, a) for a, b, is_swapped in seen if is_swapped} >= in_order
    assert all(a < b if not is_swapped else b < a for a, b, is_swapped in seen)


def test_half_of_the_ordered_pairs_are_swapped():
    """Two sentences of 31 pieces lose one in 61, always that of B: were pairs swapped
    after that, their lengths would give the order away."""
    pairs = plan(
        make_split([[31] * 6] * 2000), "sop", short_seq_prob=0.0, max_length=64
    )
    assert abs(pairs.is_random.mean() - 0.5) < 0.02
    a_start, a_stop, b_start, b_stop = pairs.ranges.T
    assert (pairs.is_random == (b_start < a_start)).all()
    assert (a_stop - a_start == 31).all() and (b_stop - b_start == 30).all()


def test_ordered_pairs_are_of_one_document_and_fit(split):
    pairs = plan(split, "sop").ranges
    documents = np.searchsorted(
        split.sentence_offsets[split.document_offsets[:]], pairs[:, 0::2], side="right"
    )
    assert (documents[:, 0] == documents[:, 1]).all()
    widths = pairs[:, 1::2] - pairs[:, 0::2]
    assert widths.min() >= 1 and widths.sum(axis=1).max() == 61


def test_single_segments_by_hand():
    """Targets of 7 pieces: 3 + 4 fit, 9 is cut, and its rest takes 2 with it."""
    pairs = plan(make_split([[3, 4, 9, 2, 5], [6]]), "none", max_length=9, seed=1)
    assert sorted(pairs.ranges[:, :2].tolist()) == [
        [0, 7],
        [7, 14],
        [14, 18],
        [18, 23],
        [23, 29],
    ]
    assert pairs.is_random is None


def test_single_segments_lose_nothing_and_cross_no_border(split):
    ranges = plan(split, "none", max_length=34).ranges
    assert (ranges[:, 2] == ranges[:, 3]).all()
    used = Counter(i for start, stop, *_ in ranges.tolist() for i in range(start, stop))
    assert used == Counter(range(split.n_pieces))
    borders = split.sentence_offsets[split.document_offsets[:]]
    documents = np.searchsorted(borders, ranges[:, 0], side="right")
    last = np.searchsorted(borders, ranges[:, 1] - 1, side="right")
    assert (documents == last).all()
    assert (ranges[:, 1] - ranges[:, 0]).max() == 32
