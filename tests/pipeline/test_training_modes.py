"""What an encoder gives to heads in training, and whether it learns itself."""

import numpy as np
import pytest
import spacy
import torch
from heads import add_head
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.training import Example
from thinc.api import Adam, set_dropout_rate

from spacy_bert.pipeline.architectures import build_bert_encoder
from spacy_bert.pipeline.encoding import find_shims, get_shim

TEXTS = ["the cat sat on the river bank", "the dog ran"]


def make_examples(nlp):
    docs = [nlp.make_doc(text) for text in TEXTS]
    for doc in docs:
        doc.ents = [doc.char_span(0, 3, label="DET")]
        doc.cats = {"CAT": float("cat" in doc.text), "OTHER": float("dog" in doc.text)}
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def find(model, kind):
    (node,) = (node for node in model.walk() if kind(node))
    return node


@pytest.mark.parametrize(
    ("freeze", "has_dropout"), [("all", False), (1, True), ("embeddings", True)]
)
def test_only_an_encoder_that_learns_drops_out(
    nlp, architecture, checkpoint, freeze, has_dropout
):
    """A frozen one gives a head the same features in training as later."""
    model = build_bert_encoder(**architecture, freeze=freeze)
    get_shim(model).load(checkpoint)
    docs = [nlp.make_doc(text) for text in TEXTS]
    expected = np.concatenate(model.predict(docs))
    set_dropout_rate(model, 0.5)
    found = np.concatenate(model.begin_update(docs)[0])
    assert np.allclose(found, expected, atol=1e-6) != has_dropout


def test_heads_of_a_frozen_encoder_train_on_what_they_predict_from(nlp):
    """In `nlp.update`, with a dropout of 0.5."""
    get_shim(nlp.get_pipe("bert_encoder").model).freeze = "all"
    ner = add_head(nlp, "ner")
    examples = make_examples(nlp)
    sgd = nlp.initialize(lambda: examples)
    expected = [nlp(text).tensor for text in TEXTS]
    listener = find(ner.model, lambda node: isinstance(node, Tok2VecListener))
    seen = []
    receive = listener.receive
    listener.receive = lambda *args: (seen.append(args[1]), receive(*args))
    nlp.update(examples, sgd=sgd, drop=0.5)
    for found, wanted in zip(seen[0], expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("head", "settings", "wanted"),
    [
        ("ner", {}, lambda doc: doc.tensor),
        ("textcat", {}, lambda doc: doc._.bert_pooled),
        ("textcat", {"pooled": False}, lambda doc: doc._.bert_cls),
    ],
)
def test_heads_train_on_the_vectors_of_an_annotating_encoder(
    nlp, head, settings, wanted
):
    component = add_head(nlp, head, **settings)
    nlp.initialize(lambda: make_examples(nlp))
    listener = find(component.model, lambda node: isinstance(node, Tok2VecListener))
    docs = list(nlp.get_pipe("bert_encoder").pipe(map(nlp.make_doc, TEXTS)))
    given, _ = listener.begin_update(docs)
    for vectors, doc in zip(given, docs, strict=True):
        assert vectors.any(axis=-1).all()
        np.testing.assert_array_equal(vectors, wanted(doc))


@pytest.mark.parametrize("head", ["ner", "textcat"])
def test_the_encoder_in_a_replaced_listeners_place_learns(nlp, head):
    component = add_head(nlp, head)
    nlp.initialize(lambda: make_examples(nlp))
    nlp.replace_listeners("bert_encoder", head, ["model.tok2vec"])
    own = find(component.model, lambda node: node.name == "bert_encoder")
    encoders = [get_shim(m).encoder for m in (own, nlp.get_pipe("bert_encoder").model)]
    before = [encoder.layers[0].intermediate.weight.clone() for encoder in encoders]
    nlp.update(make_examples(nlp), sgd=Adam(0.01), exclude=["bert_encoder"])
    moved = [
        not torch.equal(encoder.layers[0].intermediate.weight, weight)
        for encoder, weight in zip(encoders, before, strict=True)
    ]
    assert moved == [True, False]


@pytest.mark.parametrize("head", ["ner", "textcat"])
def test_it_learns_after_the_pipeline_was_saved_and_loaded(nlp, head, tmp_path):
    """Then it is built from the config that `replace_listener_cfg` gives."""
    add_head(nlp, head)
    nlp.initialize(lambda: make_examples(nlp))
    nlp.replace_listeners("bert_encoder", head, ["model.tok2vec"])
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    (shim,) = find_shims(again.get_pipe(head).model)
    before = shim.encoder.layers[0].intermediate.weight.clone()
    again.update(make_examples(again), sgd=Adam(0.01), exclude=["bert_encoder"])
    assert not torch.equal(shim.encoder.layers[0].intermediate.weight, before)
