"""What an encoder computes with: 8 bits in a pipeline, 16 bits, and their scale."""

import numpy as np
import pytest
import spacy
import torch
from heads import add_head
from spacy.training import Example
from thinc.api import SGD, set_dropout_rate

from spacy_bert import add_encoder
from spacy_bert.cli import main
from spacy_bert.pipeline import precision
from spacy_bert.pipeline.architectures import build_bert_encoder
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.precision import GradientScale

TEXT = "the cat sat on the river bank"


@pytest.fixture
def quantized(checkpoint):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, precision="int8")
    return nlp


def similarity(one, other):
    a, b = one(TEXT).tensor, other(TEXT).tensor
    return (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)


def test_int8_stays_close_to_fp32(nlp, quantized):
    assert 0.99 < similarity(nlp, quantized) < 1.0


def test_int8_to_disk_and_bytes(quantized, tmp_path):
    quantized.to_disk(tmp_path / "nlp")
    from_disk = spacy.load(tmp_path / "nlp")
    from_bytes = spacy.blank("xx").from_config(quantized.config)
    from_bytes.from_bytes(quantized.to_bytes())
    for again in (from_disk, from_bytes):
        np.testing.assert_array_equal(again(TEXT).tensor, quantized(TEXT).tensor)


def test_int8_is_not_trained(quantized):
    example = Example.from_dict(quantized.make_doc(TEXT), {"cats": {"A": 1, "B": 0}})
    message = "precision = 'int8' cannot be trained.*quantize the result"
    add_head(quantized, "textcat").add_label("A")
    quantized.get_pipe("textcat").add_label("B")
    with pytest.raises(ValueError, match=message):
        quantized.initialize(lambda: [example])
    with pytest.raises(ValueError, match=message):
        quantized.get_pipe("bert_encoder").update([example])


def test_heads_can_be_trained_on_a_frozen_int8(checkpoint):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, precision="int8", freeze="all")
    add_head(nlp, "textcat")
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"A": a, "B": not a}})
        for text, a in (("the cat sat", 1.0), ("money", 0.0))
    ]
    optimizer = nlp.initialize(lambda: examples)
    first = nlp.update(examples, sgd=optimizer)["textcat"]
    for _ in range(10):
        last = nlp.update(examples, sgd=optimizer)["textcat"]
    assert last < first


def test_8_bits_are_not_loaded_where_32_are_asked_for(
    quantized, architecture, tmp_path
):
    shim = get_shim(quantized.get_pipe("bert_encoder").model)
    shim.save(tmp_path)
    with pytest.raises(ValueError, match="are of 8 bits. Set precision = 'int8'"):
        get_shim(build_bert_encoder(**architecture)).load(tmp_path)


def test_the_command_quantizes_a_pipeline(nlp, tmp_path, monkeypatch, capsys):
    add_head(nlp, "ner").add_label("A")
    nlp.initialize()
    # One shared encoder and one that a head has for itself.
    nlp.replace_listeners("bert_encoder", "ner", ["model.tok2vec"])
    nlp.to_disk(tmp_path / "before")
    arguments = ["quantize", str(tmp_path / "before"), str(tmp_path / "after")]
    monkeypatch.setattr("sys.argv", ["spacy-bert", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    after = spacy.load(tmp_path / "after")
    assert 0.99 < similarity(nlp, after) < 1.0
    sizes = [
        (tmp_path / name / "ner" / "model").stat().st_size
        for name in ("before", "after")
    ]
    assert sizes[1] < sizes[0]
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    out = capsys.readouterr().out
    assert "exists already" in out
    assert "nothing is left" not in out
    arguments = ["quantize", str(tmp_path / "after"), str(tmp_path / "again")]
    monkeypatch.setattr("sys.argv", ["spacy-bert", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert "nothing is left" in capsys.readouterr().out
    again = spacy.load(tmp_path / "again")
    np.testing.assert_array_equal(again(TEXT).tensor, after(TEXT).tensor)


@pytest.mark.parametrize("half", ["bf16", "fp16"])
def test_16_bits_train_close_to_32(nlp, architecture, checkpoint, half, monkeypatch):
    """The code of the GPU, on the CPU."""
    docs = [nlp.make_doc(TEXT), nlp.make_doc("money")]
    rng = np.random.default_rng(0)
    # So small that 16 bits lose some of them, were it not for the scale.
    gradients = [1e-5 * rng.normal(size=(len(doc), 16)).astype("f") for doc in docs]
    weights = []
    for name in ("fp32", half):
        model = build_bert_encoder(**architecture, precision=name)
        get_shim(model).load(checkpoint)
        monkeypatch.setattr(precision, "_DEVICES_WITH_HALVES", ["cpu"])
        vectors, backprop = model.begin_update(docs)
        assert vectors[0].dtype == np.float32
        backprop(gradients)
        model.finish_update(SGD(1.0, L2=0.0, grad_clip=0.0))
        weights.append(get_shim(model).encoder.layers[0].intermediate.weight.detach())
    before = (
        get_shim(nlp.get_pipe("bert_encoder").model)
        .encoder.layers[0]
        .intermediate.weight
    )
    steps = [(after - before).flatten() for after in weights]
    assert torch.cosine_similarity(*steps, dim=0) > 0.99
    assert steps[1].norm().item() == pytest.approx(steps[0].norm().item(), rel=0.05)


def test_the_cpu_computes_in_32_bits(nlp, architecture, checkpoint):
    model = build_bert_encoder(**architecture, precision="bf16")
    get_shim(model).load(checkpoint)
    exact = nlp(TEXT).tensor
    np.testing.assert_array_equal(model.predict([nlp.make_doc(TEXT)])[0], exact)


def test_the_scale_by_hand():
    scale = GradientScale("fp16")
    assert scale.factor == 65536.0
    gradient = torch.tensor([65536.0])
    assert scale.unscale([gradient])
    assert gradient.item() == 1.0
    assert not scale.unscale([torch.tensor([float("inf")])])
    assert scale.factor == 32768.0
    for _ in range(2000):
        scale.unscale([gradient])
    assert scale.factor == 65536.0
    assert GradientScale("bf16").factor == 1.0


def test_a_step_that_overflows_is_left_out(architecture, checkpoint, nlp):
    model = build_bert_encoder(**architecture, precision="fp16")
    shim = get_shim(model)
    shim.load(checkpoint)
    before = shim.encoder.pooler.weight.detach().clone()
    for parameter in shim.encoder.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    model.finish_update(SGD(0.01))
    assert torch.equal(shim.encoder.pooler.weight, before)
    assert shim.encoder.pooler.weight.grad is None


def test_recomputing_gives_the_same_gradients(nlp, architecture, checkpoint):
    gradients = []
    for recompute in (False, True):
        model = build_bert_encoder(**architecture, recompute=recompute)
        get_shim(model).load(checkpoint)
        set_dropout_rate(model, 0.1)
        torch.manual_seed(0)
        vectors, backprop = model.begin_update([nlp.make_doc(TEXT)])
        backprop([np.ones_like(v) for v in vectors])
        gradients.append(get_shim(model).encoder.layers[0].intermediate.weight.grad)
    torch.testing.assert_close(*gradients)


def test_an_unknown_precision():
    with pytest.raises(ValueError, match="one of fp32, bf16, fp16, int8, got 'int4'"):
        build_bert_encoder(precision="int4")
