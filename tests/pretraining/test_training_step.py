"""The optimizer, the schedule, and what one step does."""

import copy

import pytest
import torch

from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining.batches import BatchReader, Place, make_batches
from spacy_bert.pretraining.config import TrainingConfig
from spacy_bert.pretraining.optimizer import (
    DivergenceError,
    make_optimizer,
    train_step,
)
from spacy_bert.pretraining.schedule import learn_rate_at

CONFIG = TrainingConfig(batch_size=8, max_length=32)


@pytest.fixture
def batches(part, pieces):
    """64 sequences as one batch, and as eight."""
    part.piece_ids[:] = part.piece_ids % (pieces.n_pieces - 5) + 5
    reader = BatchReader(part, pieces, CONFIG)
    instances, _ = reader.read(Place(), 64)
    return make_batches(reader, instances, 64), make_batches(reader, instances, 8)


@pytest.fixture
def model(pieces):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=pieces.n_pieces,
        hidden_width=16,
        n_layers=1,
        n_heads=2,
        intermediate_width=32,
        max_positions=32,
        hidden_dropout_prob=0.0,
        attention_dropout_prob=0.0,
    )
    model = BertForPretraining(config)
    model.initialize_weights()
    return model.train()


def step(model, batches, *, optimizer=None, learn_rate=1e-3, max_grad_norm=1.0):
    optimizer = optimizer or make_optimizer(model, CONFIG)
    return train_step(
        model,
        optimizer,
        batches,
        step=1,
        learn_rate=learn_rate,
        max_grad_norm=max_grad_norm,
    )


def gradients(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_biases_and_layer_norms_do_not_decay(model):
    decayed, plain = make_optimizer(model, CONFIG).param_groups
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.01, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    expected = {n for n in names.values() if n.endswith("bias") or "norm" in n}
    assert {names[id(p)] for p in plain["params"]} == expected
    both = decayed["params"] + plain["params"]
    assert sorted(names) == sorted(id(p) for p in both)
    assert "encoder.embeddings.pieces.weight" in names.values()


def test_the_step_is_that_of_adamw(model, batches):
    reference = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(
        reference.parameters(), lr=1e-3, eps=1e-6, weight_decay=0.0, fused=False
    )
    config = TrainingConfig(weight_decay=0.0)
    step(model, batches[0], optimizer=make_optimizer(model, config))
    step(reference, batches[0], optimizer=optimizer)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_several_batches_make_the_gradient_of_one(model, batches):
    one, eight = batches
    other = copy.deepcopy(model)
    first, second = step(model, one), step(other, eight)
    torch.testing.assert_close(gradients(model), gradients(other), atol=1e-6, rtol=1e-4)
    assert first.mlm_loss == pytest.approx(second.mlm_loss)
    assert first.nsp_loss == pytest.approx(second.nsp_loss)
    assert first.n_pieces == second.n_pieces == sum(b.packed.n_pieces for b in eight)


def test_clipping_is_by_the_norm_of_all_gradients_together(model, batches):
    other = copy.deepcopy(model)
    free = step(model, batches[0], max_grad_norm=1e9)
    clipped = step(other, batches[0], max_grad_norm=0.01)
    assert free.gradient_norm == pytest.approx(clipped.gradient_norm)
    assert free.gradient_norm == pytest.approx(gradients(model).norm().item())
    scaled = gradients(model) * 0.01 / free.gradient_norm
    torch.testing.assert_close(gradients(other), scaled, atol=1e-7, rtol=1e-3)


def test_an_infinite_loss_stops_before_the_weights_change(model, batches):
    before = copy.deepcopy(model.state_dict())
    broken = model.mlm.bias
    broken.data[7] = float("inf")
    with pytest.raises(DivergenceError, match="Step 1: expected finite .* lower learn"):
        step(model, batches[0])
    broken.data[7] = 0.0
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_step_without_a_masked_piece_trains_the_next_sentences(model, part, pieces):
    part.piece_ids[:] = pieces.unk_id
    reader = BatchReader(part, pieces, CONFIG)
    instances, _ = reader.read(Place(), 8)
    result = step(model, make_batches(reader, instances, 8))
    assert result.mlm_loss == 0.0 and result.nsp_loss > 0.0


def test_single_segments_train_no_next_sentences(model, part, pieces):
    part.piece_ids[:] = part.piece_ids % (pieces.n_pieces - 5) + 5
    config = TrainingConfig(next_sentence="none", batch_size=8, max_length=32)
    reader = BatchReader(part, pieces, config)
    before = model.nsp.weight.clone()
    result = step(model, make_batches(reader, reader.read(Place(), 8)[0], 8))
    assert result.nsp_loss is None and result.mlm_loss > 0.0
    assert torch.equal(model.nsp.weight, before)


def test_the_learning_rate_rises_and_falls():
    def rates(**settings):
        steps = range(settings["max_steps"])
        return [learn_rate_at(s, peak=1.0, **settings) for s in steps]

    assert rates(warmup_steps=2, max_steps=5) == pytest.approx(
        [0.5, 1, 1, 2 / 3, 1 / 3]
    )
    assert rates(warmup_steps=0, max_steps=2) == [1.0, 0.5]
