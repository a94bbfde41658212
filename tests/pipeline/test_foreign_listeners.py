"""Heads with listeners of other packages, in a pipeline with our encoder."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
from thinc.api import Adam, Model, fix_random_seed
from transformers_toys import (
    HEADS,
    LISTENER,
    TEXTS,
    annotations,
    make_examples,
    make_old,
)

from spacy_bert import add_encoder
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.foreign_listeners import adopt
from spacy_bert.pipeline.listeners import LISTENER as OURS

STOCK = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "*"}


@pytest.fixture
def transformers_heads():
    pytest.importorskip("spacy_transformers")


def with_listener(head, listener):
    """The config of a toy head, which listens in another way."""
    model = {**HEADS[head]["model"], "tok2vec": listener}
    return {**HEADS[head], "model": model}


def make_nlp(checkpoint, head, listener, **settings):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, max_learn_rate=1.0, **settings)
    nlp.add_pipe(head, config=with_listener(head, listener))
    return nlp


def train(nlp, *, n_steps=12):
    fix_random_seed(0)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    return [nlp.update(examples, sgd=optimizer) for _ in range(n_steps)]


def vectors_of(nlp):
    weights = get_shim(nlp.get_pipe("bert_encoder").model).encoder.state_dict()
    return {name: tensor.numpy() for name, tensor in weights.items()}


def scores(nlp, name):
    return np.concatenate(nlp.get_pipe(name).model.predict(list(nlp.pipe(TEXTS))))


def predictions(nlp, head):
    """What the head says, in numbers if it has some."""
    if head in ("ner", "parser", "spancat"):
        return [annotations(doc) for doc in nlp.pipe(TEXTS)]
    return scores(nlp, head).tolist()


pytestmark = pytest.mark.spacy_transformers


@pytest.mark.usefixtures("transformers_heads")
@pytest.mark.parametrize("upstream", ["*", "bert_encoder"])
@pytest.mark.parametrize("grad_factor", [1.0, 0.5])
def test_a_transformers_listener_trains_as_ours_does(checkpoint, upstream, grad_factor):
    theirs = {**LISTENER, "upstream": upstream, "grad_factor": grad_factor}
    ours = {**OURS, "width": 16, "grad_factor": grad_factor}
    pipelines = [make_nlp(checkpoint, "tagger", one) for one in (theirs, ours)]
    losses = [train(nlp) for nlp in pipelines]
    assert losses[0] == losses[1]
    assert losses[0][-1]["tagger"] < losses[0][0]["tagger"]
    assert losses[0][-1]["bert_encoder"] > 0
    np.testing.assert_array_equal(*(scores(nlp, "tagger") for nlp in pipelines))
    one, other = map(vectors_of, pipelines)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.usefixtures("transformers_heads")
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("way", ["disk", "bytes", "pickle", "disabled"])
def test_every_head_is_saved_with_such_a_listener(checkpoint, tmp_path, head, way):
    nlp = make_nlp(checkpoint, head, LISTENER)
    train(nlp, n_steps=2)
    expected = predictions(nlp, head)
    if way == "pickle":
        again = pickle.loads(pickle.dumps(nlp))
    elif way == "bytes":
        again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    else:
        nlp.to_disk(tmp_path)
        disable = ["bert_encoder"] * (way == "disabled")
        again = spacy.load(tmp_path, disable=disable)
    config = again.config["components"][head]["model"]["tok2vec"]
    assert config["@architectures"] == LISTENER["@architectures"]
    if way == "disabled":
        with pytest.raises(ValueError, match="listens to .* has no vectors"):
            again(TEXTS[0])
        again.enable_pipe("bert_encoder")
    assert predictions(again, head) == expected


@pytest.mark.usefixtures("transformers_heads")
def test_another_pooling_is_refused_by_name(checkpoint):
    listener = {**LISTENER, "pooling": {"@layers": "reduce_max.v1"}}
    with pytest.raises(ValueError, match=r"\[components.tagger.*mean.*'reduce_max'"):
        make_nlp(checkpoint, "tagger", listener)


@pytest.mark.usefixtures("transformers_heads")
def test_a_head_gets_an_encoder_of_its_own_only_with_a_listener_of_ours(checkpoint):
    nlp = make_nlp(checkpoint, "tagger", LISTENER)
    with pytest.raises(ValueError, match="expected a listener of ours.*migrate"):
        nlp.replace_listeners("bert_encoder", "tagger", ["model.tok2vec"])


@pytest.mark.usefixtures("transformers_heads")
def test_without_its_encoder_a_head_is_not_trained(checkpoint):
    nlp = make_nlp(checkpoint, "tagger", LISTENER)
    train(nlp, n_steps=1)
    with nlp.select_pipes(disable="bert_encoder"):
        with pytest.raises(ValueError, match="has no vectors"):
            nlp.update(make_examples(nlp), sgd=Adam(0.01))
    frozen = {"exclude": ["bert_encoder"], "annotates": ["bert_encoder"]}
    assert nlp.update(make_examples(nlp), sgd=Adam(0.01), **frozen)["tagger"] > 0


@pytest.fixture(scope="module")
def old_folder(random_bert_path, tmp_path_factory):
    pytest.importorskip("spacy_transformers")
    path = tmp_path_factory.mktemp("pipelines") / "old"
    make_old(random_bert_path, "ner", n_steps=20).to_disk(path)
    return path


def test_a_head_of_a_transformers_pipeline_is_not_sourced(checkpoint, old_folder):
    old, nlp = spacy.load(old_folder), spacy.blank("xx")
    expected = old(TEXTS[0]).to_json()
    add_encoder(nlp, checkpoint)
    with pytest.raises(ValueError, match="'ner' was trained with a transformer.*migr"):
        nlp.add_pipe("ner", source=old)
    # Nor is it changed.
    assert old(TEXTS[0]).to_json() == expected


def test_neither_in_a_config(checkpoint, old_folder):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    config = nlp.config.copy()
    config["nlp"]["pipeline"] = ["bert_encoder", "ner"]
    config["components"]["ner"] = {"source": str(old_folder)}
    with pytest.raises(ValueError, match="'ner' was trained with a transformer"):
        spacy.util.load_model_from_config(config)


def test_nor_read_from_zeros_after_its_encoder_was_sourced(checkpoint, old_folder):
    """The encoder's own pipeline is another one, so that only using it shows."""
    old, first, nlp = spacy.load(old_folder), spacy.blank("xx"), spacy.blank("xx")
    add_encoder(first, checkpoint)
    nlp.add_pipe("bert_encoder", source=first)
    nlp.add_pipe("ner", source=old)
    with pytest.raises(ValueError, match="'ner' was trained with a transformer.*migr"):
        nlp(TEXTS[0])
    again = pickle.loads(pickle.dumps(nlp))
    with pytest.raises(ValueError, match="'ner' was trained with a transformer"):
        again(TEXTS[0])
    with pytest.raises(ValueError, match="E203"):
        nlp.update(make_examples(nlp), sgd=Adam(0.01))


def test_a_transformer_next_to_our_encoder_keeps_its_heads(checkpoint, old_folder):
    old, nlp = spacy.load(old_folder), spacy.blank("xx")
    expected = [old(text).to_json()["ents"] for text in TEXTS]
    add_encoder(nlp, checkpoint)
    nlp.add_pipe("tagger", config=with_listener("tagger", {**OURS, "width": 16}))
    nlp.add_pipe("transformer", source=old)
    nlp.add_pipe("ner", source=old)
    nlp.add_pipe("morphologizer", config=HEADS["morphologizer"])
    assert nlp.get_pipe("bert_encoder").listening_components == ["tagger"]
    assert nlp.get_pipe("transformer").listening_components == ["ner", "morphologizer"]
    nlp.select_pipes(disable=["tagger", "morphologizer"])
    assert [nlp(text).to_json()["ents"] for text in TEXTS] == expected


class OtherListener(Model):
    """As that of a package that nobody here knows."""

    upstream_name = "*"

    def __init__(self, **params):
        super().__init__("other-listener", lambda *_: None, params=params)


@pytest.mark.parametrize("has_transformer", [False, True])
def test_a_trained_head_with_an_unknown_listener_is_named(has_transformer):
    head = SimpleNamespace(name="ner", model=OtherListener(W=np.ones((1, 1))))
    transformer = SimpleNamespace(listener_map={})
    nlp = SimpleNamespace(components=[("ner", head)])
    if has_transformer:
        nlp.components.append(("transformer", transformer))
        adopt(head, encoder="bert_encoder", width=16, nlp=nlp)
        return
    with pytest.raises(ValueError, match="'ner' was trained .* 'other-listener'"):
        adopt(head, encoder="bert_encoder", width=16, nlp=nlp)


def test_a_listener_of_spacys_raises_too_instead_of_reading_zeros(checkpoint, tmp_path):
    nlp = make_nlp(checkpoint, "tagger", STOCK)
    losses = train(nlp)
    assert losses[-1]["tagger"] < losses[0]["tagger"]
    expected = scores(nlp, "tagger")
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path, disable=["bert_encoder"])
    for one in (again, pickle.loads(pickle.dumps(again))):
        with pytest.raises(ValueError, match="listens to .* has no vectors"):
            one(TEXTS[0])
        one.enable_pipe("bert_encoder")
        np.testing.assert_array_equal(scores(one, "tagger"), expected)
    # Shapes are found out with Docs without vectors.
    train(again, n_steps=1)
    again(TEXTS[0])


@pytest.mark.parametrize("architecture", [STOCK, OURS])
def test_a_head_that_listens_to_nothing_is_named_before_training(
    checkpoint, architecture
):
    listener = {**architecture, "width": 16, "upstream": "tok2vec"}
    nlp = make_nlp(checkpoint, "tagger", listener)
    with pytest.raises(ValueError, match=r"components.tagger.model\].*'bert_encoder'"):
        nlp.initialize(lambda: make_examples(nlp))


def test_a_head_of_a_tok2vec_says_whose_vectors_it_wants(checkpoint):
    """It is sourced without its encoder, whose vectors have another width."""
    old = spacy.blank("xx")
    old.add_pipe("tok2vec")
    old.add_pipe("tagger", config=with_listener("tagger", {**STOCK, "width": 96}))
    old.initialize(lambda: make_examples(old))
    expected = scores(old, "tagger")
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    nlp.add_pipe("tagger", source=old)
    with pytest.raises(ValueError, match="expects vectors of width 96.* have 16"):
        nlp(TEXTS[0])
    nlp.add_pipe("tok2vec", source=old, before="tagger")
    np.testing.assert_array_equal(scores(nlp, "tagger"), expected)
