"""Model FLOPs against PyTorch's own counter, and the rate they are compared with."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from spacy_bert.model import BertConfig, BertForPretraining, mlm_loss, nsp_loss, pack
from spacy_bert.pretraining.training import machine
from spacy_bert.pretraining.training.flops import flops_of, layer_products, model_flops
from spacy_bert.pretraining.training.machine import measure_machine
from spacy_bert.pretraining.training_config import TrainingConfig

BERT = BertConfig(
    vocab_size=60,
    hidden_width=8,
    n_layers=3,
    n_heads=2,
    intermediate_width=24,
    max_positions=32,
)
CPU = torch.device("cpu")


def test_flops_are_those_that_pytorch_counts():
    # In 64 bits nothing runs on kernels that the counter does not know.
    model = BertForPretraining(BERT).double()
    lengths = (3, 5, 5, 17)
    masked_positions = torch.tensor([1, 4, 9, 20, 21, 22])
    batch = pack(torch.arange(30) % 60, lengths)
    with FlopCounterMode(display=False) as counter:
        output = model(batch, masked_positions)
        loss = mlm_loss(output, torch.arange(6)) + nsp_loss(output, torch.arange(4) % 2)
        loss.backward()
    assert model_flops(BERT, lengths, n_masked=6) == counter.get_total_flops()


def test_flops_by_hand():
    bert = BertConfig(
        vocab_size=10, hidden_width=4, n_layers=1, n_heads=1, intermediate_width=8
    )
    layer = 2 * 5 * (4 * 12 + 4 * 4 + 4 * 8 + 8 * 4)
    assert sum(map(flops_of, layer_products(bert, 5))) == layer
    # After attention the last layer needs a masked piece and two [CLS] alone.
    last = 2 * 5 * 4 * 12 + 2 * 3 * (4 * 4 + 4 * 8 + 8 * 4)
    attention = 2 * (2 * 2 * 4 + 3 * 3 * 4) * 2
    heads = 2 * 1 * (4 * 4 + 4 * 10) + 2 * 2 * (4 * 4 + 4 * 2)
    assert model_flops(bert, (2, 3), n_masked=1) == 3 * (last + attention + heads)
    deeper = replace(bert, n_layers=3)
    more = 3 * 2 * (layer + attention)
    assert model_flops(deeper, (2, 3), 1) == model_flops(bert, (2, 3), 1) + more


def test_the_machines_rate_is_that_of_all_products_together(monkeypatch):
    """If one product takes twice as long for each FLOP, the mean is by FLOPs."""
    training = TrainingConfig(batch_size=2, max_length=32, mask_prob=0.5)
    head = 32 * 8 * 60

    def fake(layer, x):
        sizes = x.shape[0] * layer.in_features * layer.out_features
        return 2 * sizes * (2 if sizes == head else 1) / 1e9

    monkeypatch.setattr(machine, "_timed", fake)
    machine._product_rate.cache_clear()
    measured = measure_machine(BERT, training, device=CPU)
    machine._product_rate.cache_clear()
    layers = 3 * 64 * (8 * 24 + 8 * 8 + 2 * 8 * 24)
    rest = 32 * 8 * 8
    expected = 1e9 * (layers + rest + head) / (layers + rest + 2 * head)
    assert measured.flops_per_second == pytest.approx(expected)


def test_measuring_leaves_chance_alone_and_is_done_once(monkeypatch):
    before = torch.get_rng_state()
    first = measure_machine(BERT, TrainingConfig(), device=CPU)
    assert torch.equal(before, torch.get_rng_state())
    assert first.flops_per_second > 0 and first.name and first.dtype == "float32"
    monkeypatch.setattr(machine, "_timed", None)
    assert measure_machine(BERT, TrainingConfig(), device=CPU) == first
