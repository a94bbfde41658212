"""What every head of ours promises."""

import pickle

import numpy as np
import pytest
import spacy
from contract_toys import HEADS, make_examples, make_nlp, make_trained, predictions
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.training import Example
from thinc.api import Adam

from spacy_bert import make_pair_doc


@pytest.fixture(params=HEADS)
def head(request):
    return HEADS[request.param]


@pytest.fixture
def trained(checkpoint, head):
    return make_trained(checkpoint, head, n_steps=20)[0]


def assert_same(one, other):
    assert len(one) == len(other) and any(one)
    for ours, theirs in zip(one, other, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_it_survives_disk_bytes_and_pickle(trained, head, tmp_path):
    trained.to_disk(tmp_path)
    empty = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    for again in (
        spacy.load(tmp_path),
        empty.from_bytes(trained.to_bytes()),
        pickle.loads(pickle.dumps(trained)),
    ):
        assert_same(predictions(again, head), predictions(trained, head))
        assert getattr(again.get_pipe(head.factory), "labels", ()) == getattr(
            trained.get_pipe(head.factory), "labels", ()
        )


def test_its_listener_has_the_name_that_spacys_models_give_it(checkpoint, head):
    model = make_nlp(checkpoint, head).get_pipe(head.factory).model
    assert isinstance(model.get_ref("tok2vec"), Tok2VecListener)


def test_it_predicts_in_several_processes(trained, head):
    several = predictions(trained, head, n_process=2, batch_size=3)
    assert_same(several, predictions(trained, head))


def test_a_frozen_head_stays(trained, head):
    model = trained.get_pipe(head.factory).model
    before = model.to_bytes()
    trained.update(make_examples(trained, head), sgd=Adam(0.1), exclude=[head.factory])
    assert model.to_bytes() == before
    trained.update(make_examples(trained, head), sgd=Adam(0.1))
    assert model.to_bytes() != before


def test_it_says_what_to_do_before_it_is_initialized(checkpoint, head):
    nlp = make_nlp(checkpoint, head)
    text = make_examples(nlp, head)[0].predicted.text
    with pytest.raises(ValueError, match="initialize"):
        nlp(text)


def test_the_bare_component_is_trained_and_predicts(head):
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-bert.BertEncoder.v1", "pair_separator": "\x1e"}
    nlp.add_pipe("bert_encoder", config={"model": model})
    own = nlp.add_pipe(head.factory, config=_ours(head))
    examples = make_examples(nlp, head)
    losses = nlp.update(examples, sgd=nlp.initialize(lambda: examples))
    assert losses[own.name] > 0.0
    nlp(examples[0].predicted.text)


def _ours(head):
    """spaCy's own components do not have our model by default."""
    if not head.factory.startswith("textcat"):
        return {}
    listener = {"@architectures": "spacy-bert.ClsListener.v1", "width": 256}
    return {
        "model": {
            "@architectures": "spacy-bert.TextCatCls.v1",
            "tok2vec": listener,
            "exclusive_classes": head.factory == "textcat",
        }
    }


# A Doc of one text gets no answer, and a warning.
@pytest.mark.filterwarnings("ignore:extractive_qa")
def test_empty_docs(trained, head):
    assert list(trained.pipe([])) == []
    assert len(trained.get_pipe(head.factory).predict([])) == 0
    assert trained.update([], sgd=Adam(0.01)).get(head.factory, 0.0) == 0.0
    full = make_examples(trained, head)[0].predicted.text
    texts = ["", full, " \n", "", full]
    docs = list(trained.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert [doc.text for doc in trained.pipe(["", " "])] == ["", " "]
    before, after = docs[1], docs[4]
    assert before.to_json() == after.to_json()
    empty = [Example(trained.make_doc(text), trained.make_doc(text)) for text in "  "]
    for examples in (empty, [*empty, *make_examples(trained, head)]):
        losses = trained.update(examples, sgd=Adam(0.01))
        assert np.isfinite(losses.get(head.factory, 0.0))


@pytest.mark.filterwarnings("ignore:extractive_qa")
def test_no_text_stops_the_others(trained, head):
    texts = ["\x1e", "\x1ethe cat", "the\x1ecat", "a\x1eb\x1ec", "\x00", "\u200b", "\n"]
    texts += ["the cat " * 100, make_pair_doc(trained, "", "").text]
    assert [doc.text for doc in trained.pipe(texts)] == texts


def test_training_goes_on_after_loading(trained, head, tmp_path):
    trained.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    optimizer = again.resume_training()
    optimizer.learn_rate = 0.01
    examples = make_examples(again, head)
    losses = [again.update(examples, sgd=optimizer, losses={}) for _ in range(40)]
    assert losses[-1][head.factory] < losses[0][head.factory]
    assert again.evaluate(examples)[head.score] > 0.9


def test_a_loss_that_is_not_finite(trained, head):
    """It raises before a weight changes."""
    model = trained.get_pipe(head.factory).model
    layers = [node for node in model.walk() if node.has_param("W")]
    assert layers
    for layer in layers:
        layer.set_param("W", layer.get_param("W") * np.float32("nan"))
    before = model.to_bytes()
    with pytest.raises(ValueError, match="expected a finite"):
        trained.update(make_examples(trained, head), sgd=Adam(0.1))
    assert model.to_bytes() == before


def test_another_architecture_is_refused(checkpoint, head):
    nlp = make_nlp(checkpoint, head)
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    if not head.factory.startswith("textcat"):
        with pytest.raises(ValueError, match="@architectures = 'spacy-bert"):
            nlp.add_pipe(head.factory, "other", config={"model": model})


def test_what_a_doc_keeps_does_not_grow_with_its_batch(trained, head):
    """Arrays on a Doc own their memory, so that it does not keep its batch's."""
    text = make_examples(trained, head)[0].predicted.text
    (doc, *_) = trained.pipe([text] * 50)
    for group in doc.spans.values():
        for value in group.attrs.values():
            assert not isinstance(value, np.ndarray) or value.base is None
    assert all(type(value) is float for value in doc.cats.values())
