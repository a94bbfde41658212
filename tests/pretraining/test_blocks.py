"""An epoch in blocks has every document once; numbers do not depend on the reading."""

from collections import Counter

import numpy as np
import pytest
from toy_corpus import make_split

from spacy_bert.pretraining.instances import blocks
from spacy_bert.pretraining.instances.batches import BatchReader, DataCursor
from spacy_bert.pretraining.instances.randomness import Stream, draw_random_numbers
from spacy_bert.pretraining.training_config import TrainingConfig


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "CHUNK_PIECES", 64)
    monkeypatch.setattr(blocks, "BLOCK_CHUNKS", 8)


@pytest.mark.parametrize(
    "documents", [[[3, 2], [5]] * 400, [[9000], [1], [700], [64], [64]], [[1]]]
)
def test_an_epoch_has_each_document_once(small_blocks, documents):
    split = make_split(documents)
    read = [
        blocks.read_block(split, seed=0, epoch=0, block=i).tolist()
        for i in range(blocks.count_blocks(split))
    ]
    assert Counter(sum(read, [])) == Counter(range(split.n_documents))
    assert len(read) == -(-split.n_pieces // 512)


def test_blocks_mix_the_corpus_anew_in_every_epoch(small_blocks):
    split = make_split([[4]] * 4000)
    first, again, other = (
        blocks.read_block(split, seed=0, epoch=epoch, block=1) for epoch in (0, 0, 1)
    )
    assert (first == again).all()
    assert len(np.intersect1d(first, other)) < 40
    # 8 chunks out of 250, far apart, and their 16 documents not in order.
    assert np.ptp(first) > 2000
    assert (np.diff(first) == 1).mean() < 0.1


def test_reading_passes_from_block_to_block(small_blocks, split, pieces):
    split.piece_ids[:] = 7
    reader = BatchReader(split, pieces, TrainingConfig(max_length=32))
    instances, cursor = reader.read(DataCursor(), 10**6, in_epoch=True)
    assert reader.n_blocks > 50 and cursor == DataCursor(epoch=1)
    starts = instances.plan.ranges[~instances.plan.is_random]
    assert len(np.unique(starts, axis=0)) == len(starts) > 500
    tail, _ = reader.read(DataCursor(block=30, position=2), 5)
    n_before = sum(len(reader.plan(DataCursor(block=i))) for i in range(30)) + 2
    assert (
        tail.random_numbers == instances.random_numbers[n_before : n_before + 5]
    ).all()


def test_a_line_of_numbers_depends_on_its_position_alone():
    def draw(instances, **changes):
        arguments = {"seed": 0, "epoch": 2, "stream": Stream.MASKS, "block": 3}
        return draw_random_numbers(**arguments | changes, instances=instances, width=6)

    whole = draw(range(100))
    assert (draw(range(17, 30)) == whole[17:30]).all()
    assert len(np.unique(whole)) == whole.size
    assert abs(whole.mean() - 0.5) < 0.05
    for changes in ({"seed": 1}, {"epoch": 3}, {"block": 4}, {"stream": Stream.ORDER}):
        assert not (draw(range(100), **changes) == whole).any()
