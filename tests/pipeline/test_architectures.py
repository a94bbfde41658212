"""The Thinc model: vectors, gradients, settings."""

from inspect import get_annotations

import numpy as np
import pytest
import spacy
import torch
from thinc.api import set_dropout_rate
from transformers import BertModel

from spacy_bert import add_encoder
from spacy_bert.pipeline import encoding
from spacy_bert.pipeline.architectures import build_bert_encoder
from spacy_bert.pipeline.encoding import encode_docs, get_shim
from spacy_bert.pipeline.from_checkpoint import ARCHITECTURE_FIELDS, EncoderSettings

TEXTS = ["the cat sat on the river bank", "money", "the unaffable dog ran"]


@pytest.fixture
def model(architecture, checkpoint):
    model = build_bert_encoder(**architecture)
    get_shim(model).load(checkpoint)
    return model


def test_the_settings_of_add_encoder_are_those_of_the_architecture():
    arguments = get_annotations(build_bert_encoder)
    names = {*arguments} - {*ARCHITECTURE_FIELDS, "return"}
    assert get_annotations(EncoderSettings) == {name: arguments[name] for name in names}


def test_an_encoder_is_added_where_the_caller_says(checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    add_encoder(
        nlp,
        checkpoint,
        freeze="all",
        max_learn_rate=1.0,
        add_pipe_kwargs={"before": "sentencizer"},
    )
    assert nlp.pipe_names == ["bert_encoder", "sentencizer"]
    assert nlp.get_pipe_config("bert_encoder")["model"]["freeze"] == "all"


def make_docs(nlp, texts):
    return [nlp.make_doc(text) for text in texts]


def test_vectors_are_means_of_the_pieces_of_transformers(
    nlp, model, checkpoint, tokenizer
):
    reference = BertModel.from_pretrained(checkpoint).eval()
    doc = nlp.make_doc("the unaffable dog")
    ids = [tokenizer.cls_id, *tokenizer.encode(doc.text).ids, tokenizer.sep_id]
    hidden = reference(torch.tensor([ids])).last_hidden_state[0].detach().numpy()
    # [CLS] the un ##aff ##able dog [SEP]
    expected = [hidden[1], hidden[2:5].mean(0), hidden[5]]
    (vectors,) = model.predict([doc])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    encoded, _ = encode_docs(model, [doc], is_train=False)
    np.testing.assert_allclose(encoded.cls, hidden[:1], atol=1e-5)


def test_batching_and_order_change_nothing(nlp, model):
    docs = make_docs(nlp, [*TEXTS, "", "  "])
    together = model.predict(docs)
    backwards = model.predict(docs[::-1])[::-1]
    model.attrs["max_batch_pieces"] = 4
    in_small_batches = model.predict(docs)
    for i, doc in enumerate(docs):
        alone = model.predict([doc])[0]
        for other in (backwards[i], in_small_batches[i], alone):
            np.testing.assert_allclose(together[i], other, atol=1e-5)


def test_a_token_in_two_windows_gets_the_mean(nlp, architecture, checkpoint):
    whole = build_bert_encoder(**architecture, window_width=6, window_overlap=2)
    get_shim(whole).load(checkpoint)
    doc = nlp.make_doc("the cat sat on the bank")
    # Room for 4 pieces: tokens 0-3, and again from 2 on.
    first, second = whole.predict([doc[:4].as_doc(), doc[2:].as_doc()])
    (vectors,) = whole.predict([doc])
    expected = [*first[:2], (first[2] + second[0]) / 2, (first[3] + second[1]) / 2]
    np.testing.assert_allclose(vectors, [*expected, *second[2:]], atol=1e-5)


def test_gradients_equal_finite_differences(nlp, model):
    docs = make_docs(nlp, TEXTS)
    encoder = get_shim(model).encoder
    vectors, backprop = model.begin_update(docs)
    backprop([np.ones_like(v) for v in vectors])
    weight = encoder.layers[0].intermediate.bias
    step = 1e-2
    for i in (0, 7):
        sums = []
        for direction in (step, -step):
            with torch.no_grad():
                weight[i] += direction
                sums.append(sum(float(v.sum()) for v in model.predict(docs)))
                weight[i] -= direction
        slope = (sums[0] - sums[1]) / (2 * step)
        assert weight.grad[i].item() == pytest.approx(slope, abs=1e-2, rel=1e-2)


@pytest.mark.parametrize(
    ("freeze", "trained"),
    [
        ("none", {"embeddings", "layers.0", "layers.1"}),
        ("embeddings", {"layers.0", "layers.1"}),
        (1, {"layers.1"}),
        ("all", set()),
    ],
)
def test_freezing(nlp, architecture, checkpoint, freeze, trained):
    model = build_bert_encoder(**architecture, freeze=freeze)
    get_shim(model).load(checkpoint)
    vectors, backprop = model.begin_update(make_docs(nlp, TEXTS))
    backprop([np.ones_like(v) for v in vectors])
    with_gradients = {
        name
        for name, parameter in get_shim(model).encoder.named_parameters()
        if parameter.grad is not None
    }
    for module in ("embeddings", "layers.0", "layers.1"):
        has_gradient = any(name.startswith(module) for name in with_gradients)
        assert has_gradient == (module in trained), module


def test_dropout_of_training_reaches_the_encoder(nlp, model):
    docs = make_docs(nlp, TEXTS)
    set_dropout_rate(model, 0.5)
    first, second = (model.begin_update(docs)[0][0] for _ in range(2))
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(model.predict(docs)[0], model.predict(docs)[0])


def test_a_fault_in_training_leaves_no_dropout(nlp, model, monkeypatch):
    docs = make_docs(nlp, TEXTS)
    expected = model.predict(docs)[0]
    set_dropout_rate(model, 0.5)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(encoding, "encode_windows", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.begin_update(docs)
    np.testing.assert_array_equal(model.predict(docs)[0], expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_width": 10, "n_heads": 4}, "hidden_width must be a multiple"),
        ({"window_width": 600}, "window_width: .* 3 to max_positions = 512"),
        (
            {"window_width": 10, "window_overlap": 8},
            "window_overlap: .* 0 to window_width - 3 = 7, got 8",
        ),
        ({"freeze": 7}, "freeze: .* a number of layers up to 4, got 7"),
        ({"freeze": "99"}, "freeze: .* got '99'"),
        ({"max_batch_pieces": 0}, "max_batch_pieces: expected at least 1, got 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_bert_encoder(**settings)


def test_another_architecture_than_the_checkpoints(architecture, checkpoint):
    model = build_bert_encoder(**{**architecture, "n_layers": 3})
    with pytest.raises(ValueError, match="n_layers = 3 in the config, 2 in the check"):
        get_shim(model).load(checkpoint)


def test_no_memory_before_there_are_weights():
    shim = get_shim(build_bert_encoder(hidden_width=1024, n_layers=24, n_heads=16))
    assert not shim.has_weights
    with pytest.raises(ValueError, match="has no weights yet.*add_encoder"):
        _ = shim.encoder


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"layers": 1}, lambda states: states[1]),
        ({"layers": 0}, lambda states: states[0]),
        ({"layers": -2}, lambda states: states[1]),
        ({"layers": [0, 1, 2]}, lambda states: sum(states) / 3),
        (
            {"layers": [-1, -2], "combine": "concat"},
            lambda states: torch.cat([states[2], states[1]], dim=-1),
        ),
    ],
)
def test_chosen_layers_are_those_of_transformers(
    nlp, architecture, checkpoint, tokenizer, settings, expected
):
    model = build_bert_encoder(**architecture, **settings)
    get_shim(model).load(checkpoint)
    reference = BertModel.from_pretrained(checkpoint).eval()
    doc = nlp.make_doc("the cat sat")
    ids = [tokenizer.cls_id, *tokenizer.encode(doc.text).ids, tokenizer.sep_id]
    states = reference(torch.tensor([ids]), output_hidden_states=True).hidden_states
    (vectors,) = model.predict([doc])
    np.testing.assert_allclose(
        vectors, expected(states)[0, 1:-1].detach().numpy(), atol=1e-5
    )
    encoded, _ = encode_docs(model, [doc], is_train=False)
    np.testing.assert_allclose(
        encoded.cls[0], states[2][0, 0].detach().numpy(), atol=1e-5
    )


@pytest.mark.parametrize("layers", [3, -4, []])
def test_layers_that_are_not_there_are_refused(architecture, layers):
    with pytest.raises(ValueError, match="layers: expected numbers from -3 to"):
        build_bert_encoder(**architecture, layers=layers)
