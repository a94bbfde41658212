"""The first layer of a new BERT finds the neighbours of each piece, whatever it is."""

from math import sqrt

import pytest
import torch

from spacy_bert.model import BertConfig, BertForPretraining, pack
from spacy_bert.pretraining.training.position_init import (
    attend_to_neighbours,
    make_frequencies,
    make_sinusoids,
    offset_of,
)


def _attention_of_first_layer(width, n_heads, length):
    """The weights after the softmax, (n_heads, length, length), of random pieces, the
    middle one not one of them but [MASK], whose embedding is small."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=100,
        hidden_width=width,
        n_heads=n_heads,
        intermediate_width=width,
        max_positions=length,
        n_layers=1,
    )
    model = BertForPretraining(config)
    model.initialize_weights()
    frequencies = make_frequencies(config.hidden_width)
    n_dims = 2 * len(frequencies)
    embeddings, attention = model.encoder.embeddings, model.encoder.layers[0].attention
    with torch.no_grad():
        embeddings.pieces.weight[1:] = torch.randn(99, width)
        embeddings.pieces.weight[1:, -n_dims:] = 0.0
        embeddings.positions.weight.zero_()
        embeddings.positions.weight[:, -n_dims:] = make_sinusoids(frequencies, length)
    attend_to_neighbours(attention, frequencies)
    ids = torch.randint(1, 100, (length,))
    ids[length // 2] = 0
    with torch.no_grad():
        hidden = embeddings(pack(ids, [length]), 0.0)
        projected = attention.project(hidden).view(length, 3, n_heads, -1)
    q, k, _ = projected.transpose(0, 2).transpose(0, 1)
    return torch.softmax(q @ k.mT / sqrt(width // n_heads), dim=-1)


@pytest.mark.parametrize(
    ("width", "n_heads", "length"), [(256, 4, 128), (768, 12, 512), (128, 2, 128)]
)
def test_heads_attend_to_neighbours(width, n_heads, length):
    weights = _attention_of_first_layer(width, n_heads, length)
    inner = torch.arange(n_heads, length - n_heads)
    for head in range(n_heads):
        at_target = weights[head, inner, inner + offset_of(head)]
        # The rest of the query and key is noise, more of it in wide models.
        assert at_target.mean() > 0.5
        is_first = weights[head, inner].argmax(dim=1) == inner + offset_of(head)
        assert is_first.float().mean() > 0.95
        # If nothing is known of the piece itself, its position is all that speaks.
        middle = length // 2
        assert weights[head, middle, middle + offset_of(head)] > 0.9


def test_offsets():
    assert [offset_of(head) for head in range(6)] == [1, -1, 2, -2, 3, -3]


def test_sinusoids_are_alike_where_positions_are():
    sinusoids = make_sinusoids(make_frequencies(256), 512)
    assert sinusoids.square().mean().item() == pytest.approx(1.0, abs=0.01)
    alike = sinusoids @ sinusoids.T / sinusoids.shape[1]
    assert alike.diagonal().allclose(torch.ones(512))
    beside = alike.diagonal(1)
    assert 0.3 < beside.min() and beside.max() < 0.45
    assert alike.triu(2).max() < 0.5


def test_a_model_without_room_stays_as_it_is():
    config = BertConfig(vocab_size=10, hidden_width=4, n_heads=2, intermediate_width=4)
    model = BertForPretraining(config)
    frequencies = make_frequencies(config.hidden_width)
    assert len(frequencies) == 0
    attention = model.encoder.layers[0].attention
    queries = attention.project.weight[:8].detach().clone()
    attend_to_neighbours(attention, frequencies)
    assert torch.equal(attention.project.weight[:8], queries)
