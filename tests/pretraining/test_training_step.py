"""The optimizer, the schedule, and what one step does."""

import copy
from dataclasses import replace

import pytest
import torch

from spacy_bert.model import BertForPretraining
from spacy_bert.pretraining.instances.batches import (
    BatchReader,
    DataCursor,
)
from spacy_bert.pretraining.training.muon import Muon, orthogonalize
from spacy_bert.pretraining.training.optimizer import make_optimizers, train_step
from spacy_bert.pretraining.training.step_size import measure_step
from spacy_bert.pretraining.training_config import TrainingConfig

CONFIG = TrainingConfig(batch_size=8, max_length=32)


@pytest.fixture
def batches(split, pieces):
    """64 sequences as one batch, and as eight."""
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    reader = BatchReader(split, pieces, CONFIG)
    instances, _ = reader.read(DataCursor(), 64)
    return reader.make_batches(instances, 1), reader.make_batches(instances, 8)


@pytest.fixture
def model(pieces, toy_config):
    torch.manual_seed(0)
    config = replace(toy_config, vocab_size=pieces.n_pieces, n_layers=1, n_heads=2)
    model = BertForPretraining(config)
    model.initialize_weights()
    return model


def step(model, batches, *, optimizers=None, max_grad_norm=1.0, **settings):
    return train_step(
        model,
        optimizers or make_optimizers(model, CONFIG),
        batches,
        size=measure_step(batches, model.config),
        learn_rate=1e-3,
        max_grad_norm=max_grad_norm,
        **settings,
    )


def gradients(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_biases_and_layer_norms_do_not_decay(model):
    (adamw,) = make_optimizers(model, CONFIG)
    decayed, plain = adamw.param_groups
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
    step(model, batches[0], optimizers=make_optimizers(model, config))
    step(reference, batches[0], optimizers=[optimizer])
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_several_batches_make_the_gradient_of_one(model, batches):
    one, eight = batches
    other = copy.deepcopy(model)
    first, second = step(model, one), step(other, eight)
    torch.testing.assert_close(gradients(model), gradients(other), atol=1e-6, rtol=1e-4)
    assert first.mlm_loss == pytest.approx(second.mlm_loss)
    assert first.nsp_loss == pytest.approx(second.nsp_loss)


def test_clipping_is_by_the_norm_of_all_gradients_together(model, batches):
    other = copy.deepcopy(model)
    free = step(model, batches[0], max_grad_norm=1e9)
    clipped = step(other, batches[0], max_grad_norm=0.01)
    assert free.gradient_norm == pytest.approx(clipped.gradient_norm)
    assert free.gradient_norm == pytest.approx(gradients(model).norm().item())
    scaled = gradients(model) * 0.01 / free.gradient_norm
    torch.testing.assert_close(gradients(other), scaled, atol=1e-7, rtol=1e-3)


def test_a_step_that_fails_leaves_the_weights(model, batches):
    before = copy.deepcopy(model.state_dict())
    broken = model.mlm.bias
    broken.data[7] = float("inf")
    assert not step(model, batches[0]).is_applied
    broken.data[7] = 0.0
    assert not step(model, batches[0], max_mlm_loss=0.1).is_applied
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert step(model, batches[0]).is_applied
    assert not torch.equal(broken, before["mlm.bias"])


def test_bfloat16_is_near_float32_and_keeps_the_weights(model, batches):
    other = copy.deepcopy(model)
    half, full = step(model, batches[0], precision="bf16"), step(other, batches[0])
    assert 0 < abs(half.mlm_loss - full.mlm_loss) < 0.02
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_muon_is_that_of_torch(model):
    """torch's computes in bfloat16, and its updates are 0.2 of the rate."""
    matrices = [p for p in model.encoder.layers.parameters() if p.ndim == 2]
    others = [torch.nn.Parameter(p.detach().clone()) for p in matrices]
    ours = Muon(matrices, lr=0.1 / 3, weight_decay=0.3)
    theirs = torch.optim.Muon(
        others, lr=0.1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    before = [p.detach().clone() for p in matrices]
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        for p, other in zip(matrices, others, strict=True):
            p.data.copy_(other)
            p.grad = torch.randn(p.shape, generator=generator)
            other.grad = p.grad.clone()
        ours.step()
        theirs.step()
    for p, other, first in zip(matrices, others, before, strict=True):
        assert (p - other).norm() < 0.05 * (p - first).norm()


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (16, 16)])
def test_orthogonalized_has_the_singular_vectors_and_values_near_1(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    diagonal = u.T @ orthogonalize(matrix) @ v.T
    values = diagonal.diagonal()
    assert values.min() > 0.6 and values.max() < 1.3
    assert (diagonal - values.diag()).abs().max() < 1e-4


def test_muon_takes_the_matrices_between_hidden_states(model):
    config = TrainingConfig(optimizer="muon")
    adamw, muon = make_optimizers(model, config)
    names = {id(p): name for name, p in model.named_parameters()}
    taken = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    layer = "encoder.layers.0."
    assert taken == {
        f"{layer}attention.project.weight",
        f"{layer}attention.output.weight",
        f"{layer}intermediate.weight",
        f"{layer}output.weight",
        "encoder.pooler.weight",
        "mlm.transform.weight",
    }
    rest = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert taken | rest == set(names.values()) and not taken & rest


def test_a_step_without_a_masked_piece_trains_the_next_sentences(model, split, pieces):
    split.piece_ids[:] = pieces.unk_id
    reader = BatchReader(split, pieces, CONFIG)
    instances, _ = reader.read(DataCursor(), 8)
    result = step(model, reader.make_batches(instances, 1))
    assert result.mlm_loss == 0.0 and result.nsp_loss > 0.0


def test_single_segments_train_no_next_sentences(model, split, pieces):
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    config = TrainingConfig(next_sentence="none", batch_size=8, max_length=32)
    reader = BatchReader(split, pieces, config)
    before = model.nsp.weight.clone()
    result = step(model, reader.make_batches(reader.read(DataCursor(), 8)[0], 1))
    assert result.nsp_loss is None and result.mlm_loss > 0.0
    assert torch.equal(model.nsp.weight, before)
