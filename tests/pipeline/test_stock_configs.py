"""Configs that `spacy init config` writes, with our encoder instead of theirs."""

import logging
from types import SimpleNamespace

import pytest
import spacy
import torch
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin
from spacy.training import Corpus
from spacy.training.converters import conll_ner_to_docs
from thinc.api import Config, ConfigValidationError, Model

from spacy_bert.checkpoint.loading import load_bert
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.foreign_listeners import check_connected
from spacy_bert.pipeline.from_checkpoint import read_architecture


def make_config(kind, architecture, checkpoint, **changes):
    """kind: tok2vec or transformer, the encoder's name; changes: in its model."""
    is_gpu = kind == "transformer"
    if is_gpu:
        # Without it, spaCy writes the config of a tok2vec.
        pytest.importorskip("spacy_transformers")
    config = init_config(lang="en", pipeline=["ner"], gpu=is_gpu, silent=True)
    # What follows from the text alone, as in a file of one's own.
    config = Config().from_str(config.to_str(), interpolate=False)
    model = {"@architectures": "spacy-bert.BertEncoder.v1", **architecture, **changes}
    config["components"][kind] = {"factory": "bert_encoder", "model": model}
    config["components"]["ner"]["model"]["tok2vec"] = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": architecture["hidden_width"],
        "upstream": "*",
    }
    initialize = config["initialize"].setdefault("components", {})
    initialize[kind] = {"checkpoint": str(checkpoint)}
    config["system"]["gpu_allocator"] = None
    return config


def make_docs():
    doc = spacy.blank("xx")("the cat sat on the river bank")
    doc.ents = [doc.char_span(4, 7, label="ANIMAL")]
    return [doc] * 4


@pytest.mark.parametrize(
    "kind",
    [
        "tok2vec",
        pytest.param("transformer", marks=pytest.mark.spacy_transformers),
    ],
)
def test_stock_configs_train_without_a_word(
    architecture, checkpoint, spacy_train, caplog, kind
):
    config = make_config(kind, architecture, checkpoint)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        nlp, _ = spacy_train(config.to_str(), make_docs())
    assert nlp.get_pipe(kind).listening_components == ["ner"]
    assert not caplog.records


@pytest.mark.parametrize("annotating", [[], ["tok2vec"]])
def test_a_frozen_encoder_without_weights_is_refused_at_once(
    architecture, checkpoint, spacy_train, annotating
):
    config = make_config("tok2vec", architecture, checkpoint)
    config["training"]["frozen_components"] = ["tok2vec"]
    config["training"]["annotating_components"] = annotating
    message = "frozen_components: .* got 'tok2vec'.* freeze = 'all' in .*tok2vec.model"
    with pytest.raises(ConfigValidationError, match=message):
        spacy_train(config.to_str(), make_docs())


@pytest.mark.parametrize("annotating", [[], ["tok2vec"]])
def test_what_is_advised_instead_of_a_frozen_component_trains(
    architecture, checkpoint, spacy_train, annotating
):
    config = make_config("tok2vec", architecture, checkpoint, freeze="all")
    config["training"]["annotating_components"] = annotating
    nlp, _ = spacy_train(config.to_str(), make_docs())
    weights = load_bert(checkpoint).encoder
    found = get_shim(nlp.get_pipe("tok2vec").model).encoder.state_dict()
    for name, tensor in weights.state_dict().items():
        assert torch.equal(tensor, found[name])


@pytest.mark.parametrize("key", ["frozen_components", "annotating_components"])
def test_a_component_of_another_name_is_named(
    architecture, checkpoint, spacy_train, key
):
    config = make_config("tok2vec", architecture, checkpoint)
    config["training"][key] = ["transformer"]
    with pytest.raises(ConfigValidationError, match=rf"{key}: .*tok2vec, ner\)"):
        spacy_train(config.to_str(), make_docs())


def test_a_frozen_encoder_may_have_weights(architecture, checkpoint, spacy_train):
    """From a callback, or from another pipeline."""
    config = make_config("tok2vec", architecture, checkpoint)
    del config["initialize"]["components"]["tok2vec"]
    config["initialize"]["before_init"] = {
        "@callbacks": "spacy-bert.load_checkpoint.v1",
        "components": ["tok2vec"],
        "checkpoint": str(checkpoint),
    }
    for key in ("frozen_components", "annotating_components"):
        config["training"][key] = ["tok2vec"]
    _, path = spacy_train(config.to_str(), make_docs())
    config["initialize"]["before_init"] = None
    config["components"]["tok2vec"] = {"source": str(path)}
    nlp, _ = spacy_train(config.to_str(), make_docs(), name="again")
    assert nlp.get_pipe("tok2vec").listening_components == ["ner"]


@pytest.mark.long
def test_minilm_learns_at_the_rate_of_a_tok2vec(
    minilm_path, shared_data, spacy_train, tmp_path
):
    docs = {}
    for name in ("train", "devel"):
        text = (shared_data / "bc5cdr" / f"{name}.tsv").read_text(encoding="utf8")
        docs[name] = list(conll_ner_to_docs(text, n_sents=8, no_print=True))
    DocBin(docs=docs["devel"][:60]).to_disk(tmp_path / "dev.spacy")
    config = make_config("tok2vec", read_architecture(minilm_path), minilm_path)
    settings = {
        "paths.dev": str(tmp_path / "dev.spacy"),
        "training.max_steps": 150,
        "training.eval_frequency": 150,
    }
    nlp, _ = spacy_train(config.to_str(), docs["train"], settings=settings)
    examples = list(Corpus(tmp_path / "dev.spacy")(nlp))
    # spaCy's own tok2vec has 42, and MiniLM at 1e-3 has 0.
    assert nlp.evaluate(examples)["ents_f"] > 0.4


def test_another_architecture_is_told_by_the_encoders_own_name(
    architecture, checkpoint, spacy_train
):
    config = make_config("tok2vec", architecture, checkpoint, n_layers=1)
    with pytest.raises(ValueError, match=r"\[components.tok2vec.model\]: n_layers = 1"):
        spacy_train(config.to_str(), make_docs())


def test_another_model_is_told_by_the_encoders_own_name():
    model = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None}
    model |= {"width": 8, "depth": 1, "embed_size": 10, "window_size": 1}
    model |= {"maxout_pieces": 1, "subword_features": True}
    with pytest.raises(ValueError, match=r"\[components.tok2vec.model\]: expected"):
        spacy.blank("xx").add_pipe("bert_encoder", "tok2vec", config={"model": model})


@pytest.mark.spacy_transformers
def test_a_listener_to_a_transformer_that_is_gone_is_named(
    architecture, checkpoint, spacy_train
):
    config = make_config("transformer", architecture, checkpoint)
    config["components"]["ner"]["model"]["tok2vec"] = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "upstream": "trf",
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    with pytest.raises(ValueError, match="components.ner.model.*BertListener") as error:
        spacy_train(config.to_str(), make_docs())
    assert "width = 16, upstream = 'transformer'" in str(error.value)


def test_a_listener_that_a_disabled_transformer_serves_may_stay():
    listener = OtherListener("other-listener", lambda *_: None)
    head = SimpleNamespace(model=listener)
    transformer = SimpleNamespace(listener_map={"ner": [listener]})
    served = SimpleNamespace(
        pipeline=[("ner", head)],
        components=[("transformer", transformer), ("ner", head)],
    )
    check_connected(served, "bert_encoder", width=16)
    alone = SimpleNamespace(pipeline=[("ner", head)], components=[("ner", head)])
    with pytest.raises(ValueError, match="components.ner.model.*'other-listener'"):
        check_connected(alone, "bert_encoder", width=16)


class OtherListener(Model):
    upstream_name = "*"
