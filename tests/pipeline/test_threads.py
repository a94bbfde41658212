"""One thread predicts while another one trains the same pipeline."""

import threading
from functools import partial

import numpy as np
import pytest
import spacy
import torch
from engine_option import assert_same
from heads import add_head
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_bert import add_encoder
from spacy_bert.model import BertEncoder
from spacy_bert.pipeline.bert_encoder import BertTok2Vec
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.shim import BertShim
from spacy_bert.tasks.starter_config import head_config

TEXT = "the cat sat on the river bank"


def make_examples(nlp):
    docs = []
    for text in (TEXT, "the dog ran", "unaffable money"):
        doc = nlp.make_doc(text)
        doc.cats = {"CAT": float("cat" in text), "OTHER": float("cat" not in text)}
        for token in doc:
            token.tag_ = token.text[:1]
        doc.ents = [doc.char_span(0, 3, label="DET")] if "the" in text else []
        docs.append(doc)
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def shared(nlp):
    add_head(nlp, "ner")
    add_head(nlp, "textcat")  # Over a ClsListener.


def stock_listener(nlp):
    config = head_config("tagger", width=16)
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    nlp.add_pipe("tagger", config={"model": config["model"] | {"tok2vec": listener}})


def own_encoders(nlp):
    shared(nlp)
    for name in ("ner", "textcat"):
        nlp.replace_listeners("bert_encoder", name, ["model.tok2vec"])


def make_nlp(checkpoint, add_heads=shared, **settings):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, **settings)
    add_heads(nlp)
    return nlp


def start(nlp):
    """The optimizer of a training with chances that are the same each time."""
    fix_random_seed(0)
    return nlp.initialize(partial(make_examples, nlp))


def outputs(nlp):
    doc = nlp(TEXT)
    ents = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
    tags = [token.tag_ for token in doc]
    return [doc.tensor, doc._.bert_pooled, list(doc.cats.values()), ents, tags]


def weights(nlp):
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    return torch.cat([p.detach().flatten() for p in encoder.parameters()])


def in_another_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    (result,) = results
    return result


def interrupt(monkeypatch, owner, name, visit):
    """Have another thread `visit` before each call of a method in this one."""
    method, trainer = getattr(owner, name), threading.get_ident()

    def visited(*args, **kwargs):
        if threading.get_ident() == trainer:
            in_another_thread(visit)
        return method(*args, **kwargs)

    monkeypatch.setattr(owner, name, visited)


MOMENTS = {
    "forward": (BertEncoder, "hidden_states"),
    "gradient of a head": (BertTok2Vec, "_receive_gradient"),
    "backward": (torch.autograd, "backward"),
    "step": (BertShim, "finish_update"),
}
KINDS = {
    "shared": {},
    "recomputed": {"recompute": True},
    "a frozen layer": {"freeze": 1},
    "frozen": {"freeze": "all"},
    "several layers": {"layers": [1, 2]},
    "own encoders": {"add_heads": own_encoders},
    "own, recomputed": {"add_heads": own_encoders, "recompute": True},
    "stock listener": {"add_heads": stock_listener},
}


@pytest.mark.parametrize(
    ("moment", "kind"),
    [
        *((moment, "shared") for moment in MOMENTS),
        *(("forward", kind) for kind in KINDS if kind not in ("shared", "frozen")),
        ("backward", "recomputed"),
        ("backward", "own, recomputed"),
    ],
)
def test_neither_thread_notices_the_other(checkpoint, monkeypatch, moment, kind):
    """The witnesses: the same training alone, and what was predicted before it."""
    alone, visited = (make_nlp(checkpoint, **KINDS[kind]) for _ in range(2))
    sgd = start(alone)
    for _ in range(3):
        alone.update(make_examples(alone), sgd=sgd, drop=0.5)
    sgd = start(visited)
    served = []

    def visit():
        doc = visited(TEXT)
        served.append((doc.tensor, expected))

    for _ in range(3):
        expected = visited(TEXT).tensor
        with monkeypatch.context() as patch:
            interrupt(patch, *MOMENTS[moment], visit)
            visited.update(make_examples(visited), sgd=sgd, drop=0.5)
    assert served
    for found, wanted in served:
        assert_same(found, wanted)
    assert torch.equal(weights(visited), weights(alone))
    for ours, theirs in zip(outputs(visited), outputs(alone), strict=True):
        assert_same(ours, theirs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_workers_that_are_forked_in_the_middle_of_a_step(
    checkpoint, monkeypatch, moment
):
    """They take no part of it."""
    nlp = make_nlp(checkpoint)
    sgd = start(nlp)
    expected, served = nlp(TEXT).tensor, []

    def visit():
        served.extend(nlp.pipe([TEXT] * 2, n_process=2, batch_size=1))

    interrupt(monkeypatch, *MOMENTS[moment], visit)
    nlp.update(make_examples(nlp), sgd=sgd, drop=0.5)
    assert served
    for doc in served:
        assert_same(doc.tensor, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_while_training_goes_on(checkpoint, kind):
    """Without a learning rate, so that each of them has one right value."""
    nlp = make_nlp(checkpoint, **KINDS[kind])
    sgd = start(nlp)
    sgd.learn_rate = sgd.L2 = 0.0
    expected, served, is_done = outputs(nlp), [], threading.Event()

    def serve():
        while not is_done.is_set():
            served.append(outputs(nlp))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        while len(served) < 20:
            nlp.update(make_examples(nlp), sgd=sgd, drop=0.5)
    finally:
        is_done.set()
        thread.join()
    for found in served:
        for ours, theirs in zip(found, expected, strict=True):
            assert_same(ours, theirs)


def test_a_step_that_waits_for_an_untrained_head_waits_for_its_own_thread(checkpoint):
    nlp = make_nlp(checkpoint)
    sgd = start(nlp)
    before = weights(nlp)
    nlp.update(make_examples(nlp), sgd=sgd, exclude=["textcat"])
    in_another_thread(partial(nlp, TEXT))
    assert torch.equal(weights(nlp), before)
    nlp(TEXT)
    assert not torch.equal(weights(nlp), before)


def test_averages_leave_the_step_that_waits(checkpoint):
    """It belongs to the weights, which come back after the averages."""
    nlp = make_nlp(checkpoint)
    start(nlp)
    sgd = Adam(0.01, use_averages=True)
    nlp.update(make_examples(nlp), sgd=sgd, exclude=["textcat"])
    nlp(TEXT)
    before = weights(nlp)
    nlp.update(make_examples(nlp), sgd=sgd, exclude=["textcat"])
    with nlp.use_params(sgd.averages):
        nlp(TEXT)
    assert not torch.equal(weights(nlp), before)


def test_averages_are_copied_into_the_memory_that_others_read(checkpoint):
    nlp = make_nlp(checkpoint)
    start(nlp)
    sgd = Adam(0.01, use_averages=True)
    nlp.update(make_examples(nlp), sgd=sgd)
    shim = get_shim(nlp.get_pipe("bert_encoder").model)
    before, expected = weights(nlp), outputs(nlp)[0]
    addresses = [parameter.data_ptr() for parameter in shim.encoder.parameters()]
    with nlp.use_params(sgd.averages):
        assert not torch.equal(weights(nlp), before)
        served = in_another_thread(partial(outputs, nlp))[0]
        assert np.abs(served - expected).max() > 1e-4
        assert addresses == [p.data_ptr() for p in shim.encoder.parameters()]
    assert torch.equal(weights(nlp), before)
    assert_same(outputs(nlp)[0], expected)
