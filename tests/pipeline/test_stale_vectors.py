"""A head never trains on vectors that another call, or another step, left behind."""

import gc
import pickle
import weakref

import numpy as np
import pytest
import spacy
from heads import add_head
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import Adam

from spacy_bert import add_encoder
from spacy_bert.pipeline.encoding import get_shim

TEXT = "the cat sat on the river bank"

# Ours raise the first; spaCy's the second.
MISSING = "neither disabled nor excluded|E203"
LISTENERS = ["tokens", "cls", "pooled", "mix", "stock", "any"]


def make_examples(nlp, text=TEXT):
    reference = {
        "cats": {"A": 1.0, "B": 0.0},
        "tags": list("ABABABA")[: len(text.split())],
    }
    return [Example.from_dict(nlp.make_doc(text), reference) for _ in range(2)]


def add_listening_head(nlp, kind):
    """Returns the name of a head whose listener is of that kind."""
    if kind in ("cls", "pooled"):
        add_head(nlp, "textcat", pooled=kind == "pooled")
        return "textcat"
    listener = {"@architectures": "spacy-bert.BertListener.v1", "width": 16}
    if kind in ("stock", "any"):
        listener["@architectures"] = "spacy.Tok2VecListener.v1"
        listener["upstream"] = "*" if kind == "any" else "bert_encoder"
    if kind == "mix":
        mix = {"@architectures": "spacy-bert.LayerMix.v1", "n_layers": 2}
        listener = {**mix, "tok2vec": listener}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
    nlp.add_pipe("tagger", config={"model": model})
    return "tagger"


@pytest.fixture(params=LISTENERS)
def trained(request, checkpoint):
    """A pipeline and the name of its head, after a step on TEXT."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    head = add_listening_head(nlp, request.param)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    return nlp, head, optimizer


@pytest.mark.parametrize("text", [TEXT, "the dog"])
@pytest.mark.parametrize("way", ["exclude", "disable"])
def test_a_head_without_its_encoder_raises(trained, way, text):
    nlp, _, optimizer = trained
    without = {"exclude": ["bert_encoder"] if way == "exclude" else []}
    with nlp.select_pipes(disable=["bert_encoder"] if way == "disable" else []):
        for _ in range(2):
            with pytest.raises(ValueError, match=MISSING):
                nlp.update(make_examples(nlp, text), sgd=optimizer, **without)
    nlp.update(make_examples(nlp, text), sgd=optimizer)


def test_the_vectors_of_a_batch_are_let_go(trained):
    nlp, head, _ = trained
    for listener in nlp.get_pipe("bert_encoder").listener_map[head]:
        assert listener._batch_id is listener._outputs is listener._backprop is None
    assert pickle.loads(pickle.dumps(nlp))(TEXT)


def test_an_encoder_that_annotates_gives_its_vectors_after_a_joint_step(trained):
    nlp, head, optimizer = trained
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    before = encoder.layers[0].intermediate.weight.clone()
    losses = nlp.update(
        make_examples(nlp),
        sgd=optimizer,
        exclude=["bert_encoder"],
        annotates=["bert_encoder"],
    )
    assert losses[head] > 0
    assert (before == encoder.layers[0].intermediate.weight).all()


@pytest.fixture
def two_heads(nlp):
    """textcat, and a tagger whose gradients never come: it has nothing to learn."""
    add_head(nlp, "textcat")
    add_head(nlp, "ner")
    examples = make_examples(nlp)
    for example in examples:
        example.reference.ents = [Span(example.reference, 0, 1, label="X")]
    optimizer = nlp.initialize(lambda: examples)
    return nlp, optimizer, examples


def weights(nlp):
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    return [p.detach().clone() for p in encoder.parameters()]


def has_moved(nlp, before):
    return any((a != b).any() for a, b in zip(before, weights(nlp), strict=True))


@pytest.mark.parametrize("upstream", ["bert_encoder", "*"])
def test_spacys_listener_that_was_left_out_gets_no_vectors_later(nlp, upstream):
    add_head(nlp, "textcat")
    add_listening_head(nlp, "stock" if upstream == "bert_encoder" else "any")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer, exclude=["tagger"])
    before = weights(nlp)
    with pytest.raises(ValueError, match="E953"):
        nlp.update(examples, sgd=optimizer, exclude=["bert_encoder", "textcat"])
    assert not has_moved(nlp, before)
    # The batch is still there if the components of one pipeline are called one by one.
    for name in ("bert_encoder", "tagger"):
        nlp.get_pipe(name).update(examples)


@pytest.mark.parametrize("trained", ["textcat", "ner"])
def test_a_head_that_was_left_out_gets_no_vectors_later(two_heads, trained):
    """The encoder still waits for its gradient, and must not step in another call."""
    nlp, optimizer, examples = two_heads
    (left_out,) = {"textcat", "ner"} - {trained}
    nlp.update(examples, sgd=optimizer, exclude=[left_out])
    before = weights(nlp)
    for name in (trained, left_out):
        others = [other for other in nlp.pipe_names if other != name]
        with pytest.raises(ValueError, match=MISSING):
            nlp.update(examples, sgd=optimizer, exclude=others)
    assert not has_moved(nlp, before)
    nlp.update(examples, sgd=optimizer)
    assert has_moved(nlp, before)


def test_a_pipeline_is_pickled_while_a_gradient_is_awaited(two_heads):
    nlp, optimizer, examples = two_heads
    nlp.update(examples, sgd=optimizer, exclude=["textcat"])
    again = pickle.loads(pickle.dumps(nlp))
    with pytest.raises(ValueError, match=MISSING):
        again.update(examples, sgd=optimizer, exclude=["bert_encoder"])
    assert again.update(examples, sgd=Adam(0.01))["bert_encoder"] > 0


def test_an_error_in_a_head_leaves_nothing_to_train_on(two_heads, monkeypatch):
    nlp, optimizer, examples = two_heads

    def fail(*args, **kwargs):
        raise RuntimeError("midway")

    with monkeypatch.context() as patch:
        patch.setattr(type(nlp.get_pipe("textcat")), "get_loss", fail)
        with pytest.raises(RuntimeError, match="midway"):
            nlp.update(examples, sgd=optimizer)
    for name in ("textcat", "ner"):
        others = [other for other in nlp.pipe_names if other != name]
        with pytest.raises(ValueError, match=MISSING):
            nlp.update(examples, sgd=optimizer, exclude=others)
    assert nlp.update(examples, sgd=optimizer)["bert_encoder"] > 0


def test_a_late_gradient_does_not_reach_another_batch(two_heads):
    nlp, optimizer, examples = two_heads
    encoder = nlp.get_pipe("bert_encoder")
    encoder.update(examples)
    late = encoder.listener_map["textcat"][0]._backprop
    encoder.update(examples)
    late(np.ones((2, 16), "f"))
    assert encoder._pending.gradients == {}
    assert encoder._pending.n_missing == 2


@pytest.mark.parametrize("n_updates", [1, 3])
def test_gradients_that_are_accumulated_equal_those_of_one_batch(two_heads, n_updates):
    """sgd=False, as `accumulate_gradient` calls it, then one step."""
    nlp, _, examples = two_heads
    encoder = nlp.get_pipe("bert_encoder")
    module = get_shim(encoder.model).encoder
    for _ in range(n_updates):
        nlp.update(examples, sgd=False)
    found = module.layers[0].intermediate.weight.grad.clone() / n_updates
    module.zero_grad()
    nlp.update(examples, sgd=False)
    np.testing.assert_allclose(
        found, module.layers[0].intermediate.weight.grad, atol=1e-5
    )
    for name in ("textcat", "ner"):
        others = [other for other in nlp.pipe_names if other != name]
        with pytest.raises(ValueError, match=MISSING):
            nlp.update(examples, sgd=False, exclude=others)


def test_no_batch_keeps_docs_alive(two_heads):
    nlp, optimizer, _ = two_heads
    examples = make_examples(nlp)
    nlp.get_pipe("bert_encoder").update(examples)
    ref = weakref.ref(examples[0].predicted)
    del examples
    gc.collect()
    assert ref() is None


def test_tokens_that_were_split_behind_the_encoder(nlp):
    tagger = add_head(nlp, "tagger")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    doc = nlp(TEXT)
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[5], ["riv", "er"], heads=[doc[5], doc[5]])
    message = f"{len(doc.tensor)} vectors for 8 tokens, .* split after 'bert_encoder'"
    assert len(doc.tensor) != len(doc) == 8
    with pytest.raises(ValueError, match=message):
        tagger(doc)


def test_tokens_that_were_merged_behind_the_encoder(nlp):
    """They have the vector of the last one, as spaCy sees to it."""
    tagger = add_head(nlp, "tagger")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    doc, apart = nlp(TEXT), nlp(TEXT)
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[5:7])
    tagger(doc)
    np.testing.assert_array_equal(doc[5].vector, apart[6].vector)


def test_parts_of_docs_and_docs_joined_have_their_vectors(nlp):
    tagger = add_head(nlp, "tagger")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    doc, other = nlp(TEXT), nlp("the dog")
    scores = tagger.model.predict([doc, other])
    (scores_of_slice,) = tagger.model.predict([doc[2:4].as_doc()])
    (joined,) = tagger.model.predict([type(doc).from_docs([doc, other])])
    np.testing.assert_allclose(scores_of_slice, scores[0][2:4], atol=1e-6)
    np.testing.assert_allclose(joined, np.concatenate(scores), atol=1e-6)


def test_vectors_of_another_width(nlp):
    tagger = add_head(nlp, "tagger")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    doc = nlp.make_doc("the cat")
    doc.tensor = np.zeros((2, 24), "f")
    with pytest.raises(ValueError, match="vectors of width 16, but .* Doc have 24"):
        tagger(doc)
