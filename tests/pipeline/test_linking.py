"""Heads that find their encoder under another name, or are given another encoder."""

import pickle
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import spacy
from heads import add_head
from spacy.training import Example
from thinc.api import Adam

from spacy_bert import add_encoder
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertForPretraining
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.tasks.starter_config import head_config

TEXT = "the cat sat on the river bank"
TAGS = ["D", "N", "V", "P", "D", "N", "N"]


def make_examples(nlp):
    reference = {"tags": TAGS, "cats": {"A": 1.0, "B": 0.0}}
    return [Example.from_dict(nlp.make_doc(TEXT), reference) for _ in range(2)]


def add_stock_tagger(nlp, *, upstream, width=16):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "upstream": upstream}
    model = {
        "@architectures": "spacy.Tagger.v2",
        "tok2vec": {**listener, "width": width},
    }
    return nlp.add_pipe("tagger", config={"model": model})


def add_heads(nlp, **listener):
    for name in ("textcat", "tagger"):
        add_head(nlp, name, **listener)


def train(nlp, *, seed=0, n_steps=3):
    """So far that its encoder has other weights than at the start."""
    spacy.util.fix_random_seed(seed)
    examples = make_examples(nlp)
    sgd = nlp.initialize(lambda: examples) if seed else Adam(0.01)
    sgd.learn_rate = 0.01
    for _ in range(n_steps):
        nlp.update(make_examples(nlp), sgd=sgd)


def make_trained(checkpoint, *, seed, add=add_heads):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    add(nlp)
    train(nlp, seed=seed)
    return nlp


def scores(nlp, name="tagger"):
    """The tagger's, from the inside: ours say nothing about near misses."""
    doc = nlp(TEXT)
    return nlp.get_pipe(name).model.predict([doc])[0]


@pytest.fixture
def one(checkpoint):
    return make_trained(checkpoint, seed=1)


@pytest.fixture
def other(checkpoint):
    """From the same checkpoint, trained on its own."""
    return make_trained(checkpoint, seed=2)


@pytest.fixture
def wide(toy_config, tokenizer, tmp_path):
    """Trained from another checkpoint, of width 32."""
    config = {**vars(toy_config), "hidden_width": 32}
    module = BertForPretraining(type(toy_config)(**config))
    save_checkpoint(tmp_path / "wide", module.encoder, tokenizer)
    add = lambda nlp: nlp.add_pipe("tagger", config=head_config("tagger", width=32))  # noqa: E731
    return make_trained(tmp_path / "wide", seed=3, add=add)


def reload(nlp, tmp_path, way):
    if way == "disk":
        nlp.to_disk(tmp_path / "reloaded")
        return spacy.load(tmp_path / "reloaded")
    if way == "bytes":
        return type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    return pickle.loads(pickle.dumps(nlp))


WAYS = ["disk", "bytes", "pickle"]


@pytest.mark.parametrize("way", WAYS)
def test_listeners_follow_a_renamed_encoder(one, tmp_path, way):
    expected = scores(one), one(TEXT).cats
    one.rename_pipe("bert_encoder", "bert")
    again = reload(one, tmp_path, way)
    for nlp in (one, again):
        np.testing.assert_allclose(scores(nlp), expected[0], atol=1e-5)
        assert nlp(TEXT).cats == pytest.approx(expected[1], abs=1e-5)
        assert nlp.get_pipe("bert").listening_components == ["textcat", "tagger"]
        before = get_shim(nlp.get_pipe("bert").model).encoder.pooler.weight.clone()
        losses = nlp.update(make_examples(nlp), sgd=Adam(0.01))
        assert losses["bert"] > 0
        after = get_shim(nlp.get_pipe("bert").model).encoder.pooler.weight
        assert (before != after).any()


def test_listeners_follow_a_pickled_encoder_that_is_renamed(one, tmp_path):
    """Trained since it was saved, if ever: its heads hold no fingerprint."""
    again = reload(one, tmp_path, "pickle")
    again.rename_pipe("bert_encoder", "bert")
    np.testing.assert_allclose(scores(again), scores(one), atol=1e-5)
    assert again.update(make_examples(again), sgd=Adam(0.01))["bert"] > 0


def test_renamed_there_and_back_with_a_head_that_is_disabled(one, tmp_path):
    expected = scores(one)
    with one.select_pipes(disable="tagger"):
        one.rename_pipe("bert_encoder", "bert")
    np.testing.assert_allclose(scores(one), expected, atol=1e-5)
    one.rename_pipe("bert", "bert_encoder")
    for nlp in (one, reload(one, tmp_path, "disk")):
        np.testing.assert_allclose(scores(nlp), expected, atol=1e-5)


@pytest.mark.parametrize("add", [add_heads, partial(add_stock_tagger, upstream="*")])
def test_a_head_that_was_not_loaded_enabled_is_connected_by_hand(
    checkpoint, tmp_path, add
):
    one = make_trained(checkpoint, seed=1, add=add)
    one.to_disk(tmp_path)
    again = spacy.load(tmp_path, disable=["tagger"])
    again.rename_pipe("bert_encoder", "bert")
    again.enable_pipe("tagger")
    np.testing.assert_array_equal(scores(again), scores(one))
    with pytest.raises(ValueError, match="has no vectors|E203"):
        again.update(make_examples(again), sgd=Adam(0.01))
    encoder = again.get_pipe("bert")
    encoder.find_listeners(again.get_pipe("tagger"))
    losses = again.update(make_examples(again), sgd=Adam(0.01))
    assert losses["bert"] > 0


def test_renamed_while_a_gradient_is_awaited(one):
    optimizer = Adam(0.01)
    one.update(make_examples(one), sgd=optimizer, exclude=["textcat"])
    one.rename_pipe("bert_encoder", "bert")
    before = get_shim(one.get_pipe("bert").model).encoder.pooler.weight.clone()
    assert one.update(make_examples(one), sgd=optimizer)["bert"] > 0
    after = get_shim(one.get_pipe("bert").model).encoder.pooler.weight
    assert (before != after).any()


@pytest.mark.parametrize("upstream", ["bert_encoder", "*"])
def test_spacys_listeners_follow_too(checkpoint, tmp_path, upstream):
    add = lambda nlp: add_stock_tagger(nlp, upstream=upstream)  # noqa: E731
    nlp = make_trained(checkpoint, seed=1, add=add)
    expected = scores(nlp)
    nlp.rename_pipe("bert_encoder", "bert")
    for one in (nlp, reload(nlp, tmp_path, "disk")):
        np.testing.assert_allclose(scores(one), expected, atol=1e-5)
        assert one.update(make_examples(one), sgd=Adam(0.01))["bert"] > 0


def test_a_head_with_two_listeners_follows(nlp):
    qa = {"@architectures": "spacy-bert.ExtractiveQA.v1"}
    listeners = {"tok2vec": "BertListener", "cls": "ClsListener"}
    for key, kind in listeners.items():
        qa[key] = {"@architectures": f"spacy-bert.{kind}.v1", "width": 16}
    nlp.add_pipe("extractive_qa", config={"model": qa})
    nlp.rename_pipe("bert_encoder", "bert")
    assert [x.upstream_name for x in nlp.get_pipe("bert").listeners] == ["bert"] * 2


def test_a_layer_mix_over_a_listener_follows(checkpoint):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, layers=[0, 1, 2], combine="concat")
    listener = {"@architectures": "spacy-bert.BertListener.v1", "width": 48}
    mix = {"@architectures": "spacy-bert.LayerMix.v1", "tok2vec": listener}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": {**mix, "n_layers": 3}}
    nlp.add_pipe("tagger", config={"model": model})
    train(nlp, seed=1)
    expected = scores(nlp)
    nlp.rename_pipe("bert_encoder", "bert")
    np.testing.assert_allclose(scores(nlp), expected, atol=1e-5)


def test_listeners_are_replaced_after_a_rename(one, tmp_path):
    expected = scores(one)
    one.rename_pipe("bert_encoder", "bert")
    for nlp in (reload(one, tmp_path, "disk"), one):
        nlp.replace_listeners("bert", "tagger", ["model.tok2vec"])
        assert nlp.get_pipe("bert").listening_components == ["textcat"]
        np.testing.assert_allclose(scores(nlp), expected, atol=1e-5)


@pytest.mark.parametrize("first", ["encoder", "head"])
def test_two_encoders_under_one_roof(one, other, tmp_path, first):
    expected = scores(one), scores(other)
    if first == "head":
        with pytest.warns(UserWarning, match="'tagger_2' was trained with another"):
            one.add_pipe("tagger", name="tagger_2", source=other)
        one.add_pipe("bert_encoder", name="bert_2", source=other, before="tagger_2")
    else:
        one.add_pipe("bert_encoder", name="bert_2", source=other)
        one.add_pipe("tagger", name="tagger_2", source=other)
    for nlp in (one, reload(one, tmp_path, "disk"), reload(one, tmp_path, "bytes")):
        doc = nlp.make_doc(TEXT)
        for name, found in (("bert_encoder", None), ("tagger", expected[0])):
            doc = nlp.get_pipe(name)(doc)
            if found is not None:
                actual = nlp.get_pipe(name).model.predict([doc])[0]
                np.testing.assert_allclose(actual, found, atol=1e-5)
        np.testing.assert_allclose(scores(nlp, "tagger_2"), expected[1], atol=1e-5)
        assert nlp.get_pipe("bert_2").listening_components == ["tagger_2"]
        assert "tagger_2" not in nlp.get_pipe("bert_encoder").listening_components
        losses = nlp.update(make_examples(nlp), sgd=Adam(0.001))
        assert min(losses["bert_encoder"], losses["bert_2"]) > 0


def test_two_encoders_of_two_widths_under_one_roof(one, wide, tmp_path):
    expected = scores(wide)
    one.add_pipe("bert_encoder", name="bert_2", source=wide)
    one.add_pipe("tagger", name="tagger_2", source=wide)
    for nlp in (one, reload(one, tmp_path, "disk")):
        np.testing.assert_allclose(scores(nlp, "tagger_2"), expected, atol=1e-5)


def test_the_source_works_on_and_is_saved_as_it_was(one, other, tmp_path):
    expected = scores(other)
    one.add_pipe("bert_encoder", name="bert_2", source=other)
    one.add_pipe("tagger", name="tagger_2", source=other)
    for nlp in (other, reload(other, tmp_path, "disk")):
        np.testing.assert_allclose(scores(nlp), expected, atol=1e-5)
        assert nlp(TEXT).cats
    other.remove_pipe("textcat")  # Links again.
    np.testing.assert_allclose(scores(other), expected, atol=1e-5)


def test_sourced_by_a_config_under_another_name(one, other, tmp_path):
    expected = scores(one, "tagger"), scores(other, "tagger")
    for name, nlp in (("one", one), ("other", other)):
        nlp.to_disk(tmp_path / name)
    source = {name: {"source": str(tmp_path / name)} for name in ("one", "other")}
    config = {
        "nlp": {
            "lang": "xx",
            "pipeline": ["bert_encoder", "tagger", "bert_2", "tag_2"],
        },
        "components": {
            "bert_encoder": source["one"],
            "tagger": source["one"],
            "bert_2": {**source["other"], "component": "bert_encoder"},
            "tag_2": {**source["other"], "component": "tagger"},
        },
    }
    both = spacy.util.load_model_from_config(config, auto_fill=True)
    for nlp in (both, reload(both, tmp_path, "disk")):
        doc = nlp.get_pipe("bert_encoder")(nlp.make_doc(TEXT))
        actual = nlp.get_pipe("tagger").model.predict([doc])[0]
        np.testing.assert_allclose(actual, expected[0], atol=1e-5)
        np.testing.assert_allclose(scores(nlp, "tag_2"), expected[1], atol=1e-5)


WARNING = "'tagger' was trained with another encoder than 'bert_encoder'"


@pytest.mark.parametrize(
    ("kind", "way"),
    [("ours", "live"), ("ours", "excluded"), ("stock", "disk"), ("any", "live")],
)
def test_a_head_sourced_without_its_encoder_warns(checkpoint, one, tmp_path, kind, way):
    upstream = "*" if kind == "any" else "bert_encoder"
    add = lambda nlp: add_stock_tagger(nlp, upstream=upstream)  # noqa: E731
    other = make_trained(checkpoint, seed=2, add=add_heads if kind == "ours" else add)
    if way != "live":
        other.to_disk(tmp_path / "other")
        exclude = "bert_encoder" if way == "excluded" else []
        other = spacy.load(tmp_path / "other", exclude=exclude)
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder", source=one)
    with pytest.warns(UserWarning, match=WARNING):
        nlp.add_pipe("tagger", source=other)
    # Once: it is trained with this one now.
    nlp.add_pipe("textcat", source=one)
    nlp.update(make_examples(nlp), sgd=Adam(0.001))
    again = reload(nlp, tmp_path, "disk")
    np.testing.assert_allclose(scores(again), scores(nlp), atol=1e-5)


def test_a_head_that_was_saved_with_another_encoder_is_not_taken(one, other, tmp_path):
    other.rename_pipe("bert_encoder", "theirs")
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder", source=one)
    nlp.add_pipe("tagger", source=reload(other, tmp_path, "disk"))
    nlp.get_pipe("bert_encoder").find_listeners(nlp.get_pipe("tagger"))
    assert nlp.get_pipe("bert_encoder").listening_components == []
    assert nlp.get_pipe("tagger").model.get_ref("tok2vec").upstream_name == "theirs"


def test_sourcing_the_way_that_the_warning_names_is_exact(one, other):
    expected = scores(other)
    other.replace_listeners("bert_encoder", "tagger", ["model.tok2vec"])
    one.remove_pipe("tagger")
    one.add_pipe("tagger", source=other)
    np.testing.assert_allclose(scores(one), expected, atol=1e-5)


def test_a_change_of_layers_is_another_encoder(one, tmp_path):
    one.to_disk(tmp_path / "one")
    settings = {"components.bert_encoder.model.layers": 1}
    changed = spacy.load(tmp_path / "one", config=settings)
    nlp = spacy.load(tmp_path / "one", exclude="tagger")
    changed.remove_pipe("tagger")
    with pytest.warns(UserWarning, match=WARNING):
        changed.add_pipe("tagger", source=spacy.load(tmp_path / "one"))
    assert nlp(TEXT)


def test_equal_encoders_are_told_from_their_weights(checkpoint, tmp_path):
    """Two pipelines whose encoder stayed as the checkpoint has it, one in 8 bits."""
    made = []
    for precision in ("fp32", "int8"):
        nlp = spacy.blank("xx")
        add_encoder(nlp, checkpoint, freeze="all", precision=precision)
        add_heads(nlp)
        train(nlp, seed=1)
        made.append(nlp)
    one, other = made
    other.remove_pipe("tagger")
    other.add_pipe("tagger", source=one)
    np.testing.assert_allclose(scores(other), scores(one), atol=0.2)


def test_no_warning_in_the_life_of_a_pipeline(checkpoint, tmp_path):
    """Trained, frozen, saved, loaded, trained on, given a head, quantized."""
    nlp = make_trained(checkpoint, seed=1)
    nlp.to_disk(tmp_path / "1")
    nlp = spacy.load(tmp_path / "1")
    nlp.resume_training()
    train(nlp)
    nlp = pickle.loads(pickle.dumps(nlp))
    nlp.disable_pipe("textcat")
    train(nlp)
    nlp.enable_pipe("textcat")
    add_head(nlp, "spancat")
    add_head(nlp, "senter")
    nlp.remove_pipe("spancat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp)
    optimizer = Adam(0.01, use_averages=True)
    nlp.update(examples, sgd=optimizer)
    nlp.update(
        examples,
        sgd=optimizer,
        exclude=["tagger", "bert_encoder"],
        annotates=["bert_encoder"],
    )
    with nlp.use_params(optimizer.averages):
        nlp.to_disk(tmp_path / "2")
    nlp.replace_listeners("bert_encoder", "textcat", ["model.tok2vec"])
    overrides = {"components.bert_encoder.model.precision": "int8"}
    quantized = spacy.load(tmp_path / "2", config=overrides)
    quantized.to_disk(tmp_path / "3")
    mixed = spacy.load(tmp_path / "3", exclude="tagger")
    mixed.add_pipe("tagger", source=spacy.load(tmp_path / "2"))
    other = spacy.load(tmp_path / "2", vocab=nlp.vocab)
    copied = spacy.blank("xx")
    for name in other.pipe_names:
        copied.add_pipe(name, source=other)
    assert copied(TEXT)


@pytest.mark.parametrize("is_its_own", [True, False])
def test_a_sourced_head_waits_for_the_weights_of_its_encoder(
    checkpoint, other, tmp_path, is_its_own
):
    """As `spacy train` builds a pipeline: the encoder gets its checkpoint last."""
    other.to_disk(tmp_path / "other")
    own = tmp_path / "other" / "bert_encoder" / "model"
    model = other.get_pipe_config("bert_encoder")["model"]
    config = {
        "nlp": {"lang": "xx", "pipeline": ["bert_encoder", "tagger"]},
        "components": {
            "bert_encoder": {"factory": "bert_encoder", "model": model},
            "tagger": {"source": str(tmp_path / "other")},
        },
    }
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    folder = str(own if is_its_own else checkpoint)
    settings = {"bert_encoder": {"checkpoint": folder}}
    nlp.config["initialize"]["components"] = settings
    examples = make_examples(nlp)
    with nullcontext() if is_its_own else pytest.warns(UserWarning, match=WARNING):
        nlp.initialize(lambda: examples)


def test_a_width_that_does_not_fit_is_refused_once_there_are_weights():
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    nlp.add_pipe("tagger", config=head_config("tagger", width=96))
    with pytest.raises(
        ValueError, match="'tagger' expects vectors of width 96, .* 256"
    ):
        nlp.initialize(lambda: make_examples(nlp))
