"""A caller's `torch.inference_mode()` or `torch.no_grad()` changes nothing."""

import contextlib
import pickle

import pytest
import spacy
import torch
from heads import add_head
from spacy.tokens import Doc
from spacy.training import Example
from torch.testing import assert_close

from spacy_bert import add_encoder
from spacy_bert.pipeline.encoding import get_shim

TEXT = "the cat sat on the bank"

pytestmark = pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])


def make_examples(nlp):
    tags, ents = ["DET", "N", "V"] * 2, ["O", "B-ANIMAL", *"OOOO"]
    reference = Doc(nlp.vocab, words=TEXT.split(), tags=tags, ents=ents)
    return [Example(nlp.make_doc(TEXT), reference) for _ in range(4)]


def weights_of(nlp):
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    return {name: p.detach().clone() for name, p in encoder.named_parameters()}


def train(nlp, mode=contextlib.nullcontext):
    """Three steps with averages, from the same random heads."""
    add_head(nlp, "tagger")
    add_head(nlp, "bert_ner")
    torch.manual_seed(0)
    spacy.util.fix_random_seed(0)
    with mode():
        optimizer = nlp.initialize(lambda: make_examples(nlp))
        optimizer.averages = {}
        for _ in range(3):
            nlp.update(make_examples(nlp), sgd=optimizer, drop=0.0)
        with nlp.use_params(optimizer.averages):
            averaged = nlp(TEXT).tensor
    return averaged, weights_of(nlp)


def load_from_disk(nlp, folder):
    nlp.to_disk(folder)
    return spacy.load(folder)


def load_from_bytes(nlp, _):
    return spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())


def load_from_pickle(nlp, _):
    return pickle.loads(pickle.dumps(nlp))


def copy_model(nlp, _):
    component = nlp.get_pipe("bert_encoder")
    component.model = component.model.copy()
    return nlp


def quantize(nlp, folder):
    nlp.to_disk(folder)
    quantized = spacy.blank("xx")
    add_encoder(quantized, folder / "bert_encoder" / "model", precision="int8")
    return quantized


@pytest.mark.parametrize(
    "make", [load_from_disk, load_from_bytes, load_from_pickle, copy_model, quantize]
)
def test_weights_that_are_made_in_it_predict_inside_and_outside(
    nlp, tmp_path, mode, make
):
    expected = make(nlp, tmp_path / "outside")(TEXT).tensor
    with mode():
        made = make(nlp, tmp_path / "inside")
        assert_close(made(TEXT).tensor, expected)
    assert_close(made(TEXT).tensor, expected)
    with mode():
        assert_close(next(made.pipe([TEXT])).tensor, expected)


def test_random_weights_that_are_made_in_it_predict(mode):
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    with mode():
        nlp.initialize(lambda: make_examples(nlp))
    assert nlp(TEXT).tensor.any()


def test_weights_that_are_made_in_it_are_trained_outside(nlp, checkpoint, mode):
    expected = train(nlp)
    made = spacy.blank("xx")
    with mode():
        add_encoder(made, checkpoint)
    assert_close(train(made), expected)


def test_a_pickle_that_is_read_in_it_is_trained_outside(nlp, mode):
    data = pickle.dumps(nlp)
    expected = train(nlp)
    with mode():
        read = pickle.loads(data)
    assert_close(train(read), expected)


def test_training_inside_is_training(nlp, checkpoint, mode):
    before = weights_of(nlp)
    expected = train(nlp)
    moved = {name for name, p in expected[1].items() if not p.equal(before[name])}
    assert "layers.0.intermediate.weight" in moved
    same = spacy.blank("xx")
    add_encoder(same, checkpoint)
    assert_close(train(same, mode), expected)
