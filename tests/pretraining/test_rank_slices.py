"""How the sequences of a step are cut into slices for the ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_corpus import make_split

from spacy_bert.pretraining.distributed.rank_slices import (
    count_batches,
    cut_rank_slices,
)
from spacy_bert.pretraining.instances.batches import BatchReader, DataCursor
from spacy_bert.pretraining.training_config import TrainingConfig
from spacy_bert.processes.ranks import Ranks


@pytest.mark.parametrize(
    "n_pieces, n_ranks, at_least, expected",
    [
        ([9, 3, 3, 3], 2, 1, [(0, 1), (1, 4)]),
        ([9, 3, 3, 3], 2, 2, [(0, 2), (2, 4)]),
        ([3, 3, 3, 9], 2, 1, [(0, 3), (3, 4)]),
        ([99, 1, 1], 3, 1, [(0, 1), (1, 2), (2, 3)]),
        ([1, 1, 99], 3, 1, [(0, 1), (1, 2), (2, 3)]),
        ([5, 5, 5, 5, 5], 1, 5, [(0, 5)]),
    ],
)
def test_slices_worked_by_hand(n_pieces, n_ranks, at_least, expected):
    assert cut_rank_slices(np.array(n_pieces), n_ranks, at_least=at_least) == expected


@given(
    st.lists(st.integers(1, 128), min_size=1, max_size=60),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_each_rank_has_a_sequence_for_each_batch(n_pieces, n_ranks, batch_size):
    n = len(n_pieces)
    if n < n_ranks:
        with pytest.raises(ValueError, match=f"at least {n_ranks} sequences"):
            count_batches(n, batch_size, n_ranks)
        return
    n_batches = count_batches(n, batch_size, n_ranks)
    slices = cut_rank_slices(np.array(n_pieces), n_ranks, at_least=n_batches)
    assert [i for one in slices for i in range(*one)] == list(range(n))
    assert all(stop - start >= n_batches for start, stop in slices)


def test_slices_have_about_as_many_pieces():
    n_pieces = np.random.default_rng(0).integers(5, 128, 1000)
    slices = cut_rank_slices(n_pieces, 7, at_least=3)
    sums = [n_pieces[start:stop].sum() for start, stop in slices]
    assert max(sums) - min(sums) <= 2 * 128


@pytest.mark.parametrize(
    "n_ranks, batch_size, n_batches, expected",
    [(1, 8, 3, 3), (2, 8, 3, 2), (4, 8, 4, 1), (8, 8, 1, 1), (3, 1, 4, 1)],
)
def test_batches_of_a_rank(n_ranks, batch_size, n_batches, expected):
    assert count_batches(batch_size * n_batches, batch_size, n_ranks) == expected


@pytest.mark.parametrize("n_ranks", [2, 3])
@pytest.mark.parametrize("position", [0, 170])
def test_ranks_together_read_what_one_reads(pieces, n_ranks, position):
    """From the start, and past the end of an epoch, some 190 instances."""
    split = make_split([[9, 5, 3, 11]] * 200)
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    config = TrainingConfig(batch_size=20, accumulate_gradient=3, max_length=32)
    cursor = DataCursor(position=position)

    def read(rank, n):
        reader = BatchReader(split, pieces, config, Ranks(rank=rank, n=n))
        data = reader.read_step(cursor, 0.0)
        sequences = [
            (piece_ids.tolist(), int(label))
            for batch in data.batches
            for piece_ids, label in zip(
                batch.packed.piece_ids.split(batch.packed.lengths),
                batch.is_random,
                strict=True,
            )
        ]
        return sequences, data.cursor, len(data.batches)

    whole, after, _ = read(0, 1)
    slices = [read(rank, n_ranks) for rank in range(n_ranks)]
    assert sorted(s for one, _, _ in slices for s in one) == sorted(whole)
    assert {cursor for _, cursor, _ in slices} == {after}
    assert len({n for _, _, n in slices}) == 1
