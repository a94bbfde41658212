"""Instances -> packed batches; the losses equal those of transformers."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from toy_corpus import make_split
from transformers import BertForPreTraining

from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertForPretraining, mlm_loss, nsp_loss
from spacy_bert.pretraining.instances.batches import (
    BatchReader,
    DataCursor,
)
from spacy_bert.pretraining.training_config import TrainingConfig


@pytest.fixture
def reader(split, pieces):
    # The split's ids go beyond the vocabulary's.
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    return BatchReader(split, pieces, TrainingConfig(batch_size=8, max_length=32))


@pytest.fixture
def model(pieces, toy_config):
    config = replace(toy_config, vocab_size=pieces.n_pieces)
    model = BertForPretraining(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.manual_seed(0))
    return model


def test_a_batch_holds_its_pairs(reader, split, pieces):
    instances, _ = reader.read(DataCursor(), 8)
    batch = reader.batch(instances)
    ids = batch.packed.piece_ids.clone()
    ids[batch.masked_positions] = batch.targets
    sequences = ids.split(batch.packed.lengths)
    segments = batch.packed.segment_ids.split(batch.packed.lengths)
    cls, sep = pieces.cls_id, pieces.sep_id
    for i, (start_a, stop_a, start_b, stop_b) in enumerate(instances.plan.ranges):
        a, b = split.piece_ids[start_a:stop_a], split.piece_ids[start_b:stop_b]
        assert sequences[i].tolist() == [cls, *a, sep, *b, sep]
        assert segments[i].tolist() == [0] * (len(a) + 2) + [1] * (len(b) + 1)
    assert batch.is_random.tolist() == instances.plan.is_random.tolist()


def test_single_segments_have_no_labels(split, pieces):
    split.piece_ids[:] = 7
    config = TrainingConfig(next_sentence="none", max_length=32)
    reader = BatchReader(split, pieces, config)
    batch = reader.batch(reader.read(DataCursor(), 40)[0])
    assert batch.is_random is None and batch.n_sequences == 40
    assert not batch.packed.segment_ids.any()
    ids = batch.packed.piece_ids.clone()
    ids[batch.masked_positions] = batch.targets
    for sequence in ids.split(batch.packed.lengths):
        text = [7] * (len(sequence) - 2)
        assert sequence.tolist() == [pieces.cls_id, *text, pieces.sep_id]


def test_losses_equal_those_of_transformers(tmp_path, reader, model, pieces):
    save_checkpoint(tmp_path, model, pieces)
    theirs = BertForPreTraining.from_pretrained(tmp_path).eval()
    instances, _ = reader.read(DataCursor(), 32)
    for batch in reader.make_batches(instances, 2):
        labels = torch.full_like(batch.packed.piece_ids, -100)
        labels[batch.masked_positions] = batch.targets
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
        output = model(batch.packed, batch.masked_positions)
        loss = mlm_loss(output, batch.targets) + nsp_loss(output, batch.is_random)
        assert abs(loss.item() - expected.loss.item()) < 1e-5


def test_reading_goes_on_from_any_cursor(reader):
    whole, _ = reader.read(DataCursor(), 3000)
    start, cursor = reader.read(DataCursor(), 1700)
    rest, _ = reader.read(cursor, 1300)
    n_first = len(reader.plan(DataCursor()))
    assert n_first < 1700 and cursor == DataCursor(epoch=1, position=1700 - n_first)
    for name in ("ranges", "is_random"):
        together = [getattr(some.plan, name) for some in (start, rest)]
        assert (np.concatenate(together) == getattr(whole.plan, name)).all()
    assert (
        np.concatenate([start.random_numbers, rest.random_numbers])
        == whole.random_numbers
    ).all()
    assert len(np.unique(whole.random_numbers[:, 0, 0])) == 3000


def test_reading_can_stop_at_the_end_of_the_epoch(reader):
    instances, cursor = reader.read(DataCursor(), 10_000, in_epoch=True)
    assert len(instances) == len(reader.plan(DataCursor()))
    assert cursor == DataCursor(epoch=1)


def test_steps_are_sorted_by_length_and_follow_each_other(reader):
    one = reader.read_step(DataCursor(), 0.0)
    two = reader.read_step(one.cursor, 0.0)
    (first,), (second,) = one.batches, two.batches
    assert list(first.packed.lengths) == sorted(first.packed.lengths)
    n = reader.config.batch_size
    instances, cursor = reader.read(DataCursor(), 2 * n)
    (again,) = reader.make_batches(instances[n:], 1)
    assert cursor == two.cursor
    assert torch.equal(second.packed.piece_ids, again.packed.piece_ids)
    assert torch.equal(second.masked_positions, again.masked_positions)


def test_sequences_of_a_step_are_sorted_where_lengths_differ(split, pieces):
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    settings = {"batch_size": 8, "max_length": 32, "accumulate_gradient": 2}
    config = TrainingConfig(**settings, short_seq_prob=1.0)
    reader = BatchReader(split, pieces, config)
    drawn = reader.read(DataCursor(), 16)[0].plan.n_pieces.tolist()
    assert len(set(drawn)) > 2 and drawn != sorted(drawn)
    batches = reader.read_step(DataCursor(), 0.0).batches
    lengths = [length for batch in batches for length in batch.packed.lengths]
    # [CLS] A [SEP] B [SEP]
    assert lengths == [n + 3 for n in sorted(drawn)]


def test_the_steps_of_an_epoch_make_one(reader):
    cursor, n_epochs = DataCursor(), 0.0
    while cursor.epoch == 0:
        data = reader.read_step(cursor, 0.0)
        cursor, n_epochs = data.cursor, n_epochs + data.n_epochs
    beyond = cursor.position / len(reader.plan(cursor))
    assert n_epochs == pytest.approx(1.0 + beyond)


@pytest.mark.parametrize("masking", ["words", "spans"])
def test_words_are_hidden_whole(pieces, masking):
    """Word k is the piece 5 + k % 20 again and again: a run of it is one word, also
    where a sequence has lost its beginning."""
    random = Random(0)
    lengths = [[random.randint(1, 40) for _ in range(4)] for _ in range(300)]
    starts, n_pieces = [], sum(map(sum, lengths))
    while len(starts) < n_pieces:
        starts += [True] + [False] * random.randint(0, 4)
    split = make_split(lengths, word_starts=starts[:n_pieces])
    split.piece_ids[:] = 5 + np.cumsum(starts[:n_pieces]) % 20
    config = TrainingConfig(masking=masking, max_length=32)
    reader = BatchReader(split, pieces, config)
    batch = reader.batch(reader.read(DataCursor(), 300)[0])
    is_masked = np.zeros(batch.packed.n_pieces, dtype=bool)
    is_masked[batch.masked_positions] = True
    ids = batch.packed.piece_ids.clone()
    ids[batch.masked_positions] = batch.targets
    is_same_word = (ids[1:] == ids[:-1]).numpy()
    assert is_same_word.sum() > 1000
    assert (is_masked[1:] == is_masked[:-1])[is_same_word].all()


def test_a_split_without_words_is_refused(split, pieces):
    config = TrainingConfig(masking="words", max_length=32)
    with pytest.raises(ValueError, match=r"\[pretraining\] masking: 'words' needs an"):
        BatchReader(split, pieces, config)


def test_documents_of_one_sentence_have_no_order(pieces):
    config = TrainingConfig(next_sentence="sop", max_length=32)
    with pytest.raises(ValueError, match="'sop' needs documents of two sentences"):
        BatchReader(make_split([[3]] * 9), pieces, config)
