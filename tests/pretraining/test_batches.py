"""Instances -> packed batches; the losses equal those of transformers."""

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BertForPreTraining

from spacy_bert.checkpoint import save_checkpoint
from spacy_bert.model import BertConfig, BertForPretraining, mlm_loss, nsp_loss
from spacy_bert.pretraining.batches import (
    BatchReader,
    Place,
    make_batches,
    training_steps,
)
from spacy_bert.pretraining.config import TrainingConfig


@pytest.fixture
def reader(part, pieces):
    # The part's ids go beyond the vocabulary's.
    part.piece_ids[:] = part.piece_ids % (pieces.n_pieces - 5) + 5
    return BatchReader(part, pieces, TrainingConfig(batch_size=8, max_length=32))


@pytest.fixture
def model(pieces):
    config = BertConfig(
        vocab_size=pieces.n_pieces,
        hidden_width=16,
        n_layers=2,
        n_heads=4,
        intermediate_width=32,
        max_positions=32,
        hidden_dropout_prob=0.0,
        attention_dropout_prob=0.0,
    )
    model = BertForPretraining(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.manual_seed(0))
    return model.eval()


def test_a_batch_holds_its_pairs(reader, pieces):
    instances, _ = reader.read(Place(), 8)
    batch = reader.batch(instances)
    assert batch.packed.lengths == tuple(len(i.piece_ids) for i in instances)
    ids = batch.packed.piece_ids.clone()
    ids[batch.masked_rows] = batch.targets
    assert ids.tolist() == [i for instance in instances for i in instance.piece_ids]
    segments = batch.packed.segment_ids.split(batch.packed.lengths)
    for instance, sequence in zip(instances, segments, strict=True):
        n_second = len(sequence) - instance.n_first
        assert sequence.tolist() == [0] * instance.n_first + [1] * n_second
        assert instance.piece_ids[0] == pieces.cls_id
        assert instance.piece_ids[instance.n_first - 1] == pieces.sep_id
        assert instance.piece_ids[-1] == pieces.sep_id
    assert batch.is_random.tolist() == [int(i.is_random) for i in instances]


def test_losses_equal_those_of_transformers(tmp_path, reader, model, pieces):
    save_checkpoint(tmp_path, model, pieces)
    theirs = BertForPreTraining.from_pretrained(tmp_path).eval()
    instances, _ = reader.read(Place(), 32)
    for batch in make_batches(reader, instances, 16):
        labels = torch.full_like(batch.packed.piece_ids, -100)
        labels[batch.masked_rows] = batch.targets
        lengths = batch.packed.lengths
        padded = {
            name: pad_sequence(values.split(lengths), batch_first=True)
            for name, values in {
                "input_ids": batch.packed.piece_ids,
                "token_type_ids": batch.packed.segment_ids,
                "attention_mask": torch.ones_like(labels),
            }.items()
        }
        padded["labels"] = pad_sequence(
            labels.split(lengths), batch_first=True, padding_value=-100
        )
        expected = theirs(**padded, next_sentence_label=batch.is_random)
        output = model(batch.packed, batch.masked_rows)
        loss = mlm_loss(output, batch.targets) + nsp_loss(output, batch.is_random)
        assert abs(loss.item() - expected.loss.item()) < 1e-5


def test_reading_goes_on_from_any_place(reader):
    whole, _ = reader.read(Place(), 3000)
    start, place = reader.read(Place(), 1700)
    rest, _ = reader.read(place, 1300)
    places = [instance.place for instance in whole]
    assert places == [instance.place for instance in start + rest]
    n_first = len(reader.plan(0))
    assert places[n_first - 1 : n_first + 1] == [(0, n_first - 1), (1, 0)]
    assert len(set(places)) == 3000


def test_steps_are_sorted_by_length_and_follow_each_other(reader):
    steps = training_steps(reader, Place())
    (first,), place = next(steps)
    (second,), _ = next(steps)
    assert list(first.packed.lengths) == sorted(first.packed.lengths)
    (again,), _ = next(training_steps(reader, place))
    assert torch.equal(second.packed.piece_ids, again.packed.piece_ids)
    assert torch.equal(second.masked_rows, again.masked_rows)
