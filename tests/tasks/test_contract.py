"""What every component of ours promises."""

import pickle

import numpy as np
import pytest
import spacy
import torch
from contract_toys import COMPONENTS, make_examples, make_nlp, make_trained, predictions
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.training import Example
from thinc.api import Adam

from spacy_bert import make_pair_doc
from spacy_bert.pipeline.encoding import find_shims


@pytest.fixture(params=COMPONENTS)
def component(request):
    return COMPONENTS[request.param]


@pytest.fixture
def trained(checkpoint, component):
    return make_trained(checkpoint, component, n_steps=20)[0]


def assert_same(one, other):
    assert len(one) == len(other) and any(one)
    for ours, theirs in zip(one, other, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_it_survives_disk_bytes_and_pickle(trained, component, tmp_path):
    trained.to_disk(tmp_path)
    empty = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    for again in (
        spacy.load(tmp_path),
        empty.from_bytes(trained.to_bytes()),
        pickle.loads(pickle.dumps(trained)),
    ):
        assert_same(predictions(again, component), predictions(trained, component))
        assert getattr(again.get_pipe(component.factory), "labels", ()) == getattr(
            trained.get_pipe(component.factory), "labels", ()
        )


def test_its_listener_has_the_name_that_spacys_models_give_it(checkpoint, component):
    model = make_nlp(checkpoint, component).get_pipe(component.head).model
    assert isinstance(model.get_ref("tok2vec"), Tok2VecListener)


def test_it_predicts_in_several_processes(trained, component):
    several = predictions(trained, component, n_process=2, batch_size=3)
    assert_same(several, predictions(trained, component))


def test_a_frozen_component_stays(trained, component):
    model = trained.get_pipe(component.factory).model
    before = model.to_bytes()
    examples = make_examples(trained, component)
    name = component.factory
    # The heads behind a frozen encoder take what it writes on the Docs.
    annotates = [name] if component.trained_by else []
    trained.update(examples, sgd=Adam(0.1), exclude=[name], annotates=annotates)
    assert model.to_bytes() == before
    trained.update(examples, sgd=Adam(0.1))
    assert model.to_bytes() != before


def test_it_says_what_to_do_before_it_is_initialized(checkpoint, component):
    nlp = make_nlp(checkpoint, component)
    text = make_examples(nlp, component)[0].predicted.text
    with pytest.raises(ValueError, match="initialize"):
        nlp(text)


def test_the_bare_component_is_trained_and_predicts(component):
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-bert.BertEncoder.v1", "pair_separator": "\x1e"}
    nlp.add_pipe("bert_encoder", config={"model": model})
    nlp.add_pipe(component.head, config=_ours(component))
    examples = make_examples(nlp, component)
    losses = nlp.update(examples, sgd=nlp.initialize(lambda: examples))
    assert losses[component.factory] > 0.0
    nlp(examples[0].predicted.text)


def _ours(component):
    """spaCy's own components do not have our model by default."""
    if not component.factory.startswith("textcat"):
        return {}
    listener = {"@architectures": "spacy-bert.ClsListener.v1", "width": 256}
    return {
        "model": {
            "@architectures": "spacy-bert.TextCatCls.v1",
            "tok2vec": listener,
            "exclusive_classes": component.factory == "textcat",
        }
    }


# A Doc of one text gets no answer, and a warning.
@pytest.mark.filterwarnings("ignore:extractive_qa")
def test_empty_docs(trained, component):
    assert list(trained.pipe([])) == []
    own = trained.get_pipe(component.factory)
    own.set_annotations([], own.predict([]))
    assert own.update([]) == {component.factory: 0.0}
    assert trained.update([], sgd=Adam(0.01)).get(component.factory, 0.0) == 0.0
    full = make_examples(trained, component)[0].predicted.text
    texts = ["", full, " \n", "", full]
    docs = list(trained.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert [doc.text for doc in trained.pipe(["", " "])] == ["", " "]
    before, after = docs[1], docs[4]
    assert before.to_json() == after.to_json()
    empty = [Example(trained.make_doc(text), trained.make_doc(text)) for text in "  "]
    for examples in (empty, [*empty, *make_examples(trained, component)]):
        losses = trained.update(examples, sgd=Adam(0.01))
        assert np.isfinite(losses.get(component.factory, 0.0))


@pytest.mark.filterwarnings("ignore:extractive_qa")
def test_no_text_stops_the_others(trained, component):
    texts = ["\x1e", "\x1ethe cat", "the\x1ecat", "a\x1eb\x1ec", "\x00", "\u200b", "\n"]
    texts += ["the cat " * 100, make_pair_doc(trained, "", "").text]
    assert [doc.text for doc in trained.pipe(texts)] == texts


def test_training_goes_on_after_loading(trained, component, tmp_path):
    trained.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    optimizer = again.resume_training()
    optimizer.learn_rate = 0.01
    examples = make_examples(again, component)
    losses = [again.update(examples, sgd=optimizer, losses={}) for _ in range(40)]
    assert losses[-1][component.factory] < losses[0][component.factory]
    assert again.evaluate(examples)[component.score] > 0.9


def test_a_loss_that_is_not_finite(trained, component):
    """It raises before a weight changes."""
    model = trained.get_pipe(component.factory).model
    layers = [node for node in model.walk() if node.has_param("W")]
    for layer in layers:
        layer.set_param("W", layer.get_param("W") * np.float32("nan"))
    shims = find_shims(model)
    for shim in shims:
        torch.nn.init.constant_(shim.encoder.pooler.weight, np.nan)
        torch.nn.init.constant_(shim.encoder.embeddings.segments.weight, np.nan)
    assert layers or shims
    before = model.to_bytes()
    with pytest.raises(ValueError, match="finite"):
        trained.update(make_examples(trained, component), sgd=Adam(0.1))
    assert model.to_bytes() == before


def test_another_architecture_is_refused(checkpoint, component):
    nlp = make_nlp(checkpoint, component)
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    if not component.factory.startswith("textcat"):
        with pytest.raises(ValueError, match="@architectures = 'spacy-bert"):
            nlp.add_pipe(component.factory, "other", config={"model": model})


def test_what_a_doc_keeps_does_not_grow_with_its_batch(trained, component):
    """Arrays on a Doc own their memory, so that it does not keep its batch's."""
    text = make_examples(trained, component)[0].predicted.text
    (doc, *_) = trained.pipe([text] * 50)
    for group in doc.spans.values():
        for value in group.attrs.values():
            assert not isinstance(value, np.ndarray) or value.base is None
    assert all(type(value) is float for value in doc.cats.values())
