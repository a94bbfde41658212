"""What ONNX Runtime computes from our graph, against our encoder and transformers."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from transformers import BertModel

from spacy_bert.checkpoint.loading import load_bert
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertForPretraining, pack
from spacy_bert.model.config import Activation
from spacy_bert.model.quantized import quantize

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from spacy_bert.onnx_graph import (  # noqa: E402
    INPUTS,
    files,
    make_onnx_model,
    save_onnx_model,
)

LENGTHS = [7, 12, 1, 12]


def make_encoder(config):
    encoder = BertForPretraining(config).encoder
    generator = torch.Generator().manual_seed(0)
    for name, parameter in encoder.named_parameters():
        is_scale = name.endswith("norm.weight")
        torch.nn.init.normal_(
            parameter, mean=float(is_scale), std=0.3, generator=generator
        )
    return encoder


def make_batch(config, lengths=LENGTHS):
    """Padded, with pieces in the padding that nobody may read."""
    rng = np.random.default_rng(0)
    shape = (len(lengths), max(lengths))
    ids = rng.integers(0, config.vocab_size, shape)
    segments = rng.integers(0, config.n_segments, shape)
    mask = np.arange(shape[1]) < np.array(lengths)[:, None]
    return dict(zip(INPUTS, (ids, mask.astype(np.int64), segments), strict=True))


def run_ours(encoder, batch, layers=()):
    """The vectors of all pieces, end to end, and the pooled ones."""
    ids, mask, segments = (torch.from_numpy(batch[name]) for name in INPUTS)
    is_piece = mask.bool()
    lengths = mask.sum(1).tolist()
    packed = pack(ids[is_piece], lengths, segments[is_piece])
    last = len(encoder.layers)
    with torch.inference_mode():
        states = encoder.hidden_states(packed, {last, *layers})
        pooled = encoder.pool(states[last][packed.cls_positions])
    outputs = {"last_hidden_state": states[last], "pooler_output": pooled}
    return outputs | {f"hidden_state_{layer}": states[layer] for layer in layers}


def run_onnx(model, batch):
    onnx.checker.check_model(model, full_check=True)
    return run_session(model.SerializeToString(), batch)


def run_session(model, batch):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    is_piece = batch["attention_mask"].astype(bool)
    return {
        name: torch.from_numpy(found[is_piece] if found.ndim == 3 else found)
        for name, found in zip(names, session.run(names, batch), strict=True)
    }


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=0)


CHANGES = {
    **{name: {"activation": name} for name in get_args(Activation)},
    "one segment": {"n_segments": 1},
    "three segments": {"n_segments": 3},
    "large eps": {"layer_norm_eps": 0.1},
    "one head": {"n_heads": 1},
    "wide heads": {"hidden_width": 96, "n_heads": 2},
    "narrow layer": {"intermediate_width": 8},
}


@pytest.mark.parametrize("change", CHANGES)
def test_fp32_is_equal(toy_config, change):
    config = replace(toy_config, **CHANGES[change])
    encoder, batch = make_encoder(config), make_batch(config)
    found = run_onnx(make_onnx_model(encoder), batch)
    assert_close(found, run_ours(encoder, batch))


def test_fp32_is_equal_to_transformers(toy_config, tokenizer, tmp_path):
    encoder, batch = make_encoder(toy_config), make_batch(toy_config)
    save_checkpoint(tmp_path, encoder, tokenizer)
    theirs = BertModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        output = theirs(**{name: torch.from_numpy(x) for name, x in batch.items()})
    is_piece = torch.from_numpy(batch["attention_mask"]).bool()
    expected = {
        "last_hidden_state": output.last_hidden_state[is_piece],
        "pooler_output": output.pooler_output,
    }
    assert_close(run_onnx(make_onnx_model(encoder), batch), expected)


def test_minilm(minilm_path):
    bert = load_bert(minilm_path)
    encoder, tokenizer = bert.encoder, bert.tokenizer
    theirs = BertModel.from_pretrained(minilm_path).eval()
    batch = make_text_batch(tokenizer)
    with torch.no_grad():
        output = theirs(**{name: torch.from_numpy(x) for name, x in batch.items()})
    found = run_onnx(make_onnx_model(encoder), batch)
    assert_close(found, run_ours(encoder, batch))
    is_piece = torch.from_numpy(batch["attention_mask"]).bool()
    torch.testing.assert_close(
        found["last_hidden_state"],
        output.last_hidden_state[is_piece],
        atol=1e-4,
        rtol=0,
    )


def make_text_batch(tokenizer):
    texts = ["The bank raised its rates on Monday.", "We sat on the bank, unaffable!"]
    sequences = [
        [tokenizer.cls_id, *ids, tokenizer.sep_id]
        for ids in tokenizer.encode_ids([*texts, " ".join(9 * texts), "."])
    ]
    longest = max(map(len, sequences))
    ids = np.array([s + [0] * (longest - len(s)) for s in sequences])
    mask = (ids != 0).astype(np.int64)
    return dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))


def test_any_batch_and_any_length(toy_config):
    """The sizes of a graph are not those of some example."""
    encoder = make_encoder(toy_config)
    model = make_onnx_model(encoder)
    for lengths in ([1], [toy_config.max_positions], [3, 3], [2, 5, 4, 1, 9]):
        batch = make_batch(toy_config, lengths)
        assert_close(run_onnx(model, batch), run_ours(encoder, batch))


def test_a_sequence_of_padding_harms_no_other(toy_config):
    encoder, batch = make_encoder(toy_config), make_batch(toy_config)
    expected = run_onnx(make_onnx_model(encoder), batch)["last_hidden_state"]
    batch = {name: np.concatenate((x, 0 * x[:1])) for name, x in batch.items()}
    session = onnxruntime.InferenceSession(
        make_onnx_model(encoder).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(["last_hidden_state"], batch)
    assert np.isfinite(found).all()
    found = torch.from_numpy(found[batch["attention_mask"].astype(bool)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_hidden_states_of_chosen_layers(toy_config):
    encoder, batch = make_encoder(toy_config), make_batch(toy_config)
    found = run_onnx(make_onnx_model(encoder, layers=[0, 1]), batch)
    assert_close(found, run_ours(encoder, batch, layers=[0, 1]))
    assert [*found] == [
        *("last_hidden_state", "hidden_state_0", "hidden_state_1", "pooler_output")
    ]
    with pytest.raises(ValueError, match=r"numbers from 0 to 2, got \[3, -1\]"):
        make_onnx_model(encoder, layers=[3, 1, -1])


def test_without_a_pooler(toy_config):
    encoder, batch = make_encoder(toy_config), make_batch(toy_config)
    found = run_onnx(make_onnx_model(encoder, has_pooler=False), batch)
    assert [*found] == ["last_hidden_state"]


def test_int8_of_minilm_is_ours_up_to_rounding(minilm_path):
    """Bytes and products are the same; sums of 32 bits in another order move values a
    little, and some of the bytes that they become in the next layer by one. So the two
    are much closer to each other than to 32 bits."""
    bert = load_bert(minilm_path)
    encoder, tokenizer = bert.encoder, bert.tokenizer
    batch = make_text_batch(tokenizer)
    exact = run_ours(encoder, batch)["last_hidden_state"]
    ours = run_ours(quantize(encoder), batch)["last_hidden_state"]
    found = run_onnx(make_onnx_model(encoder), batch)["last_hidden_state"]
    difference, error = (ours - found).norm(), (ours - exact).norm()
    assert 0.0 < difference < 0.6 * error
    assert torch.cosine_similarity(ours, found).min() > 0.98
    assert abs((found - exact).norm() / error - 1.0) < 0.1


@pytest.mark.parametrize("activation", get_args(Activation))
def test_one_layer_in_8_bits_is_ours(toy_config, activation):
    """What enters has not been rounded yet, so few bytes can differ."""
    config = replace(toy_config, n_layers=1, activation=activation)
    encoder, batch = quantize(make_encoder(config)), make_batch(config)
    found = run_onnx(make_onnx_model(encoder), batch)
    expected = run_ours(encoder, batch)
    torch.testing.assert_close(
        found["last_hidden_state"], expected["last_hidden_state"], atol=0.02, rtol=0
    )


def test_int8_does_not_depend_on_the_batch(minilm_path):
    """A scale for each vector: what else is in a batch changes nothing."""
    bert = load_bert(minilm_path)
    encoder, tokenizer = bert.encoder, bert.tokenizer
    model = make_onnx_model(quantize(encoder)).SerializeToString()
    batch = make_text_batch(tokenizer)
    together = run_session(model, batch)["pooler_output"]
    for i, length in enumerate(batch["attention_mask"].sum(1)):
        alone = {name: x[i : i + 1, :length] for name, x in batch.items()}
        found = run_session(model, alone)["pooler_output"][0]
        assert torch.cosine_similarity(found, together[i], dim=0) > 0.999


def test_8_bits_take_a_quarter(minilm_path):
    encoder = load_bert(minilm_path).encoder
    in_32 = make_onnx_model(encoder).ByteSize()
    in_8 = make_onnx_model(quantize(encoder)).ByteSize()
    assert in_8 < 0.28 * in_32


@pytest.mark.parametrize("change", [lambda encoder: encoder, quantize])
def test_a_model_that_one_file_cannot_hold(toy_config, tmp_path, monkeypatch, change):
    config = replace(toy_config, hidden_width=64)
    encoder, batch = change(make_encoder(config)), make_batch(config)
    monkeypatch.setattr(files, "_MAX_BYTES", 1000)
    path = tmp_path / "model.onnx"
    save_onnx_model(encoder, path)
    assert {file.name for file in tmp_path.iterdir()} == {
        *("model.onnx", "model.onnx.data")
    }
    assert (tmp_path / "model.onnx.data").stat().st_size > path.stat().st_size
    onnx.checker.check_model(str(path), full_check=True)
    expected = run_onnx(make_onnx_model(encoder), batch)
    assert_close(run_session(str(path), batch), expected)


def test_an_activation_without_operators(toy_config):
    encoder = make_encoder(toy_config)
    object.__setattr__(encoder.config, "activation", "softsign")
    with pytest.raises(ValueError, match="gelu_new.*got 'softsign'"):
        make_onnx_model(encoder)
