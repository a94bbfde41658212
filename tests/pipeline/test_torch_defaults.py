"""Another library has changed torch's defaults: the same, under the usual ones, is the
witness."""

from functools import partial

import numpy as np
import pytest
import spacy
import torch
from heads import add_head
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_bert import add_encoder
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pipeline.encoding import get_shim

TEXT = "the cat sat on the river bank"
# bert_ner has a CRF, in torch.
HEADS = ["ner", "bert_ner", "textcat", "text_regressor", "tagger"]


def make_examples(nlp):
    docs = [nlp.make_doc(text) for text in (TEXT, "the dog ran", "unaffable money")]
    for doc in docs:
        doc.cats = {"CAT": float("cat" in doc.text), "OTHER": float("dog" in doc.text)}
        doc.ents = [doc.char_span(0, 3, label="DET")] if "the" in doc.text else []
        for token in doc:
            token.tag_ = token.text[:1]
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def outputs(nlp):
    doc = nlp(TEXT)
    arrays = [doc.tensor, doc._.bert_cls, doc._.bert_pooled, list(doc.cats.values())]
    places = [(ent.start, ent._.confidence) for ent in doc.ents]
    return [*arrays, [token.tag for token in doc], np.array(places)]


def weights(nlp):
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    return [parameter.detach().numpy().copy() for parameter in encoder.parameters()]


def train(checkpoint, **settings):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, **settings)
    for head in HEADS:
        add_head(nlp, head)
    fix_random_seed(0)
    sgd = nlp.initialize(partial(make_examples, nlp))
    for _ in range(2):
        nlp.update(make_examples(nlp), sgd=sgd, drop=0.3)
    return [*outputs(nlp), *weights(nlp)]


def load_from_disk(checkpoint, folder):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    nlp.to_disk(folder)
    return outputs(spacy.load(folder))


def load_bytes(checkpoint, folder):
    nlp, again = spacy.blank("xx"), spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    get_shim(add_encoder(again, checkpoint).model).reinitialize_layers(2)
    return outputs(again.from_bytes(nlp.to_bytes()))


def load_8_bits(checkpoint, folder):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, precision="int8", freeze="all")
    nlp.to_disk(folder)
    return outputs(spacy.load(folder))


def start_at_random(checkpoint, folder):
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    fix_random_seed(0)
    nlp.initialize(partial(make_examples, nlp))
    return outputs(nlp)


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "load", [load_from_disk, load_bytes, load_8_bits, start_at_random]
)
def test_loading_and_predicting(checkpoint, tmp_path, other_defaults, load):
    expected = load(checkpoint, tmp_path / "usual")
    with other_defaults():
        assert_same(load(checkpoint, tmp_path / "other"), expected)


@pytest.mark.parametrize("settings", [{}, {"precision": "fp16", "recompute": True}])
def test_training(checkpoint, other_defaults, settings):
    expected = train(checkpoint, **settings)
    with other_defaults():
        assert_same(train(checkpoint, **settings), expected)


def test_a_pipeline_that_was_loaded_before(nlp, other_defaults):
    expected = outputs(nlp)
    with other_defaults():
        assert_same(outputs(nlp), expected)


def test_every_part_is_of_32_bits(toy_config: BertConfig, other_defaults):
    with other_defaults():
        model = BertForPretraining(toy_config)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
