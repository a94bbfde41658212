"""Short sequences first, long ones last."""

import pytest

from spacy_bert.pretraining.instances.batches import BatchReader, DataCursor
from spacy_bert.pretraining.instances.phases import make_phases, phase_at
from spacy_bert.pretraining.training_config import TrainingConfig

CONFIG = TrainingConfig(
    max_length=16, batch_size=8, final_max_length=32, final_ratio=0.25
)


@pytest.fixture
def reader(split, pieces):
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    return BatchReader(split, pieces, CONFIG)


@pytest.mark.parametrize(
    "batch_size, final_max_length, final_batch_size",
    [(64, 512, 16), (64, 384, 21), (2, 512, 1)],
)
def test_a_batch_keeps_its_pieces(batch_size, final_max_length, final_batch_size):
    config = TrainingConfig(batch_size=batch_size, final_max_length=final_max_length)
    first, final = make_phases(config)
    assert (first.max_length, first.batch_size) == (128, batch_size)
    assert (final.max_length, final.batch_size) == (final_max_length, final_batch_size)


def test_the_last_fraction_is_the_final_phase():
    assert [phase_at(i / 8, CONFIG) for i in range(9)] == [0] * 6 + [1] * 3
    assert phase_at(1.0, TrainingConfig()) == 0


def test_the_final_phase_begins_with_an_epoch_and_never_ends(reader):
    steps, cursor = [], DataCursor(epoch=3)
    for progress in (0.0, 0.5, 0.75, 0.6, 0.0):
        steps.append(reader.read_step(cursor, progress))
        cursor = steps[-1].cursor
    lengths = [[max(b.packed.lengths) for b in step.batches] for step in steps]
    assert lengths == [[16], [16], [32], [32], [32]]
    assert [step.batches[0].n_sequences for step in steps] == [8, 8, 4, 4, 4]
    assert [step.cursor for step in steps] == [
        DataCursor(epoch=3, position=8),
        DataCursor(epoch=3, position=16),
        DataCursor(phase=1, epoch=4, position=4),
        DataCursor(phase=1, epoch=4, position=8),
        DataCursor(phase=1, epoch=4, position=12),
    ]
    # What was left of epoch 3 is not counted.
    assert steps[2].n_epochs == pytest.approx(4 / len(reader.plan(steps[2].cursor)))
