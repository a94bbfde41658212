"""8-bit weights: how far from 32 bits, and what they are made of."""

import pickle

import pytest
import torch

from spacy_bert.checkpoint.loading import load_bert, load_pretraining_model
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertEncoder, initialize_weights, pack
from spacy_bert.model.linear import Linear
from spacy_bert.model.quantized import (
    QuantizedLinear,
    _to_bytes,
    is_quantized,
    quantize,
)

TEXTS = [
    "The bank raised its rates on Monday.",
    "We sat on the bank of the river, unaffable as ever!",
    "Money in the bank of the river bank.",
]


def encode(encoder, tokenizer, texts):
    sequences = [
        [tokenizer.cls_id, *ids, tokenizer.sep_id]
        for ids in tokenizer.encode_ids(texts)
    ]
    ids = torch.tensor([i for sequence in sequences for i in sequence])
    with torch.no_grad():
        return encoder(pack(ids, [len(sequence) for sequence in sequences]))


def test_a_row_by_hand():
    linear = Linear(2, 2)
    linear.weight.data = torch.tensor([[0.25, -1.0], [0.0, 0.0]])
    layer = QuantizedLinear(linear)
    # -1.0 becomes -63, 0.25 a quarter of it, rounded: 15.75.
    assert layer.weight.tolist() == [[16, -63], [0, 0]]
    assert layer.scale[0].item() == pytest.approx(1 / 63)


@pytest.mark.parametrize(
    ("vector", "zero_point", "expected"),
    [
        ([-1.0, 0.0, 3.0], 128, ([86, 128, 254], 3 / 126)),
        ([-1.0, 0.0, 3.0], 32, ([0, 32, 128], 1 / 32)),
        ([0.0, 0.0], 128, ([128, 128], 1e-30)),
        ([-128.0, 126.0], 128, ([0, 254], 1.0)),
    ],
)
def test_bytes_by_hand(vector, zero_point, expected):
    x = torch.tensor([vector, [7.0] * len(vector)])
    found, scale = _to_bytes(x, zero_point)
    assert (found[0].tolist(), pytest.approx(scale[0].item())) == expected


@pytest.mark.parametrize("zero_point", [128, 32])
@pytest.mark.parametrize("center", [-3.0, -0.4, 0.0, 0.3, 100.0])
def test_bytes_are_half_a_scale_from_the_value(center, zero_point):
    torch.manual_seed(0)
    x = torch.randn(64, 96) + center
    found, scale = _to_bytes(x, zero_point)
    error = (found.float() - zero_point) * scale - x
    assert (error.abs() <= 0.501 * scale).all()


def test_products_are_within_half_a_scale_of_both_factors():
    torch.manual_seed(0)
    linear, x = Linear(64, 48), torch.randn(100, 64)
    layer = QuantizedLinear(linear)
    with torch.no_grad():
        exact, found = linear(x), layer(x)
    # Half a scale of each weight and of each value of x, added up.
    weight_error = layer.scale[:, None] / 2
    x_error = x.abs().amax(1, keepdim=True) / 126 / 2
    bound = (
        x.abs() @ weight_error.expand_as(linear.weight).T
        + x_error * linear.weight.abs().sum(1)
        + x_error * weight_error.T * 64
    )
    assert ((exact - found).abs() <= bound + 1e-5).all()


def test_room_for_negative_numbers_is_where_they_come(pretraining_model):
    """GELU gives at least -0.17; all other products get numbers of both signs."""
    layers = quantize(pretraining_model.encoder).layers
    zeros = {name: layer.zero_point for name, layer in products(layers)}
    after_gelu = {zeros.pop(f"{i}.output") for i in range(len(layers))}
    assert after_gelu == {32}
    assert {*zeros.values()} == {128}


def products(layers):
    return [
        (name, part)
        for name, part in layers.named_modules()
        if isinstance(part, QuantizedLinear)
    ]


def test_vectors_of_minilm_stay_close(minilm_path):
    bert = load_bert(minilm_path)
    encoder, tokenizer = bert.encoder, bert.tokenizer
    exact = encode(encoder, tokenizer, TEXTS)
    found = encode(quantize(encoder), tokenizer, TEXTS)
    assert torch.cosine_similarity(exact, found).min() > 0.95


def test_one_at_a_time_is_as_in_a_batch(minilm_path):
    bert = load_bert(minilm_path)
    encoder, tokenizer = bert.encoder, bert.tokenizer
    together = encode(quantize(encoder), tokenizer, TEXTS)
    alone = [encode(encoder, tokenizer, [text]) for text in TEXTS]
    # Sums in another order may round a byte the other way.
    assert torch.cosine_similarity(together, torch.cat(alone)).min() > 0.999


@pytest.fixture
def saved(tmp_path, pretraining_model, tokenizer):
    encoder = quantize(pretraining_model.encoder)
    save_checkpoint(tmp_path, encoder, tokenizer)
    return tmp_path, encoder


def test_a_folder_of_8_bits(saved, tokenizer):
    path, encoder = saved
    again = load_bert(path).encoder
    assert is_quantized(again)
    texts = ["the cat sat on the bank"]
    assert torch.equal(
        encode(again, tokenizer, texts), encode(encoder, tokenizer, texts)
    )


def test_it_cannot_be_taken_for_one_of_32_bits(saved):
    path, _ = saved
    assert not (path / "model.safetensors").exists()
    with pytest.raises(
        ValueError, match="8-bit weights, which are for prediction only"
    ):
        load_pretraining_model(path)


def test_32_bits_saved_over_8_leave_no_old_weights(saved, pretraining_model, tokenizer):
    path, _ = saved

    encoder = BertEncoder(pretraining_model.config)
    initialize_weights(encoder, std=0.3)
    save_checkpoint(path, encoder, tokenizer)
    again = load_bert(path).encoder
    assert not is_quantized(again)
    assert torch.equal(again.pooler.weight, encoder.pooler.weight)


def test_pickle(saved, tokenizer):
    _, encoder = saved
    before = encode(encoder, tokenizer, ["the dog ran"])
    again = pickle.loads(pickle.dumps(encoder))
    assert torch.equal(encode(again, tokenizer, ["the dog ran"]), before)
