"""Configs that `spacy init config` writes, and what `migrate` makes of them."""

import pytest
import spacy
import torch
from spacy.cli.init_config import init_config
from spacy.tokens import Span
from spacy.util import load_config
from thinc.api import Config
from typer.testing import CliRunner

from spacy_bert.checkpoint.loading import load_bert
from spacy_bert.cli.app import bert_cli
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.from_checkpoint import read_architecture
from spacy_bert.tasks.migrated_config import migrate_config

TEXTS = ["the cat sat .", "a cat ran on .", "the dog sat .", "a dog ran on ."]


def make_docs():
    nlp = spacy.blank("xx")
    docs = []
    for text in TEXTS:
        doc = nlp(text)
        doc.ents = [Span(doc, 1, 2, label=doc[1].text)]
        doc.spans["sc"] = list(doc.ents)
        doc.cats = {"CAT": float("cat" in text), "DOG": float("dog" in text)}
        for token in doc:
            token.tag_, token.pos_ = "XY"[token.i % 2], "NOUN"
            token.dep_, token.head = ("ROOT" if token.i == 0 else "dep"), doc[0]
        docs.append(doc)
    return docs


def write_stock(path, pipeline, *, gpu=False, optimize="efficiency"):
    if gpu:
        # Without it, spaCy writes the config of a tok2vec.
        pytest.importorskip("spacy_transformers")
    heads = pipeline.split(",")
    stock = init_config(
        lang="en", pipeline=heads, gpu=gpu, optimize=optimize, silent=True
    )
    stock.to_disk(path)
    return path


def by_hand(path, text):
    path.write_text(text, encoding="utf8")
    return path


STOCK = [
    ("ner", False, "efficiency"),
    pytest.param("ner,textcat", False, "efficiency", marks=pytest.mark.slow),
    ("tagger,parser,textcat,spancat", False, "accuracy"),
    pytest.param(
        *("ner", True, "efficiency"),
        marks=[pytest.mark.spacy_transformers, pytest.mark.slow],
    ),
    pytest.param(
        *("ner,textcat", True, "efficiency"),
        marks=[pytest.mark.spacy_transformers, pytest.mark.slow],
    ),
    pytest.param(
        "tagger,textcat", True, "accuracy", marks=pytest.mark.spacy_transformers
    ),
]


@pytest.mark.parametrize(("pipeline", "gpu", "optimize"), STOCK)
def test_a_stock_config_trains_after_it_was_migrated(
    tmp_path, checkpoint, spacy_train, pipeline, gpu, optimize
):
    stock = write_stock(tmp_path / "old.cfg", pipeline, gpu=gpu, optimize=optimize)
    config, _ = migrate_config(stock, checkpoint)
    # Comes from spaCy's setting for GPUs, which this machine may lack.
    settings = {"system.gpu_allocator": None, "training.max_steps": 50}
    settings["training.eval_frequency"] = 10
    # What so small an encoder needs to learn in so few steps.
    settings["components.bert_encoder.model.max_learn_rate"] = 0.01
    settings["training.optimizer.learn_rate.initial_rate"] = 0.005
    settings["training.dropout"] = 0.0
    if "parser" in pipeline:
        settings["components.parser.min_action_freq"] = 1
    losses = []
    settings["training.logger"] = {"@loggers": "test-losses.v1"}
    spacy.registry.loggers("test-losses.v1", func=lambda: collect(losses))
    nlp, path = spacy_train(config.to_str(), make_docs(), settings=settings)
    assert nlp.pipe_names == ["bert_encoder", *pipeline.split(",")]
    for head in pipeline.split(","):
        # The first is of one step, the others are of ten each.
        assert losses[-1][head] < losses[1][head]
    assert losses[-1]["bert_encoder"] > 0
    again = spacy.load(path)
    assert again(TEXTS[0]).tensor.shape == (4, 16)


def collect(losses):
    def setup(nlp, stdout=None, stderr=None):
        def log_step(info):
            if info is not None:
                losses.append(dict(info["losses"]))

        return log_step, lambda: None

    return setup


def test_numbers_of_the_architecture_come_from_the_checkpoint(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner")
    config, _ = migrate_config(stock, checkpoint)
    model = config["components"]["bert_encoder"]["model"]
    assert read_architecture(checkpoint).items() <= model.items()
    # Every width is the encoder's own: the file has it once.
    assert config.to_str().count("hidden_width = 16") == 1
    full = config.interpolate()
    assert full["components"]["ner"]["model"]["tok2vec"]["width"] == 16
    start = full["initialize"]["components"]["bert_encoder"]["checkpoint"]
    assert start == str(checkpoint)


def test_a_tok2vecs_rate_and_batches_are_replaced(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner")
    config = migrate_config(stock, checkpoint)[0].interpolate()
    # What separates a score of 0 from one that works, if the optimizer's rate is high.
    assert config["components"]["bert_encoder"]["model"]["learn_rate_factor"] == 0.1
    training = config["training"]
    rate = training["optimizer"]["learn_rate"]
    assert rate["@schedules"] == "spacy-bert.warmup_linear.v1"
    # As of a starter config: 10 times BERT-base's 5e-5, and 768 / 16 times that.
    assert rate["initial_rate"] == pytest.approx(0.024)
    assert rate["total_steps"] == 20000
    assert rate["warmup_ratio"] * 20000 == 250
    assert training["batcher"]["@batchers"] == "spacy.batch_by_padded.v1"
    assert not training["batcher"]["discard_oversize"]
    # What is not about the encoder stays.
    assert training["patience"] == 1600 and training["max_steps"] == 20000


def test_a_run_that_counts_epochs_has_a_constant_rate(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner")
    old = load_config(stock, {"training.max_steps": 0, "training.max_epochs": 3})
    old.to_disk(stock)
    training = migrate_config(stock, checkpoint)[0]["training"]
    assert training["optimizer"]["learn_rate"] == pytest.approx(0.024)


@pytest.mark.spacy_transformers
def test_a_transformers_rate_is_kept_and_no_doc_dropped(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner", gpu=True)
    old = load_config(stock, interpolate=False)
    config, notes = migrate_config(stock, checkpoint)
    assert config["training"]["optimizer"] == old["training"]["optimizer"]
    batcher = {**old["training"]["batcher"], "discard_oversize": False}
    assert config["training"]["batcher"] == batcher
    said = " ".join(notes)
    assert f"roberta-base is exchanged for {checkpoint}" in said
    assert "before_to_disk" in said and "discard_oversize" in said
    assert "learn_rate" not in said


def test_sections_and_keys_keep_their_order(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner,textcat")
    new = migrate_config(stock, checkpoint)[0].to_str().splitlines()
    old = stock.read_text(encoding="utf8").splitlines()
    common = [line for line in old if line.startswith("[") and line in new]
    assert [line for line in new if line in common] == common
    assert len(common) > 15


def test_a_bag_of_words_becomes_a_classifier_over_cls(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "textcat_multilabel")
    config, notes = migrate_config(stock, checkpoint)
    model = config["components"]["textcat_multilabel"]["model"]
    assert model["@architectures"] == "spacy-bert.TextCatCls.v1"
    assert model["exclusive_classes"] is False
    assert "spacy.TextCatBOW.v3" in " ".join(notes)


def test_vectors_that_only_the_tok2vec_read_are_dropped(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner", optimize="accuracy")
    config, notes = migrate_config(stock, checkpoint)
    assert config.interpolate()["initialize"]["vectors"] is None
    said = " ".join(notes)
    assert "vectors: dropped" in said and "batcher and learn_rate" in said
    assert "exchanged" not in said
    stock = write_stock(tmp_path / "other.cfg", "ner")
    old = load_config(stock, {"paths.vectors": "some"}, interpolate=False)
    old.to_disk(stock)
    kept = migrate_config(stock, checkpoint)[0]
    assert kept.interpolate()["initialize"]["vectors"] == "some"


PARTIAL = """
[nlp]
lang = "en"
pipeline = ["t2v", "ner"]

[components]

[components.t2v]
factory = "tok2vec"

[components.t2v.model]
@architectures = "spacy.HashEmbedCNN.v2"
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true
pretrained_vectors = null

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = ${components.t2v.model.width}
maxout_pieces = 2
use_upper = true

[components.ner.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = ${components.t2v.model.width}
upstream = "t2v"

[training]
frozen_components = ["t2v"]
annotating_components = ["t2v"]

[initialize]

[initialize.components]

[initialize.components.t2v]
"""


def test_every_place_that_names_the_encoder_changes_its_name(tmp_path, checkpoint):
    """Also in a config in part, under a name of the user's own."""
    config, _ = migrate_config(by_hand(tmp_path / "a.cfg", PARTIAL), checkpoint)
    assert "t2v" not in config.to_str()
    assert config["training"]["frozen_components"] == []
    assert config["training"]["annotating_components"] == ["bert_encoder"]
    assert config["components"]["bert_encoder"]["model"]["freeze"] == "all"
    assert config.interpolate()["components"]["ner"]["model"]["hidden_width"] == 16


@pytest.mark.spacy_transformers
def test_what_a_frozen_encoder_becomes_stays_as_it_is(
    tmp_path, checkpoint, spacy_train
):
    stock = write_stock(tmp_path / "old.cfg", "ner", gpu=True)
    frozen = {"training.frozen_components": ["transformer"]}
    frozen["training.annotating_components"] = ["transformer"]
    load_config(stock, frozen, interpolate=False).to_disk(stock)
    config, _ = migrate_config(stock, checkpoint)
    settings = {"system.gpu_allocator": None}
    nlp, _ = spacy_train(config.to_str(), make_docs(), settings=settings)
    weights = load_bert(checkpoint).encoder
    found = get_shim(nlp.get_pipe("bert_encoder").model).encoder.state_dict()
    for name, tensor in weights.state_dict().items():
        assert torch.equal(tensor, found[name])


MISTAKES = [
    (
        "hidden_width = ${components.t2v.model.width}",
        "hidden_width = ${components.t2v.model.depth}",
        r"\[components.ner.model.hidden_width\]: expected no variable of the old",
    ),
    ('factory = "tok2vec"', 'factory = "sentencizer"', "Expected a component whose"),
    ('factory = "tok2vec"', 'factory = "bert_encoder"', "nothing to migrate"),
    ('factory = "ner"', 'source = "some_pipeline"', "Migrate that pipeline first"),
    ('factory = "ner"', 'factory = "tok2vec"', "Expected one encoder, got t2v and ner"),
    (
        'upstream = "t2v"',
        'upstream = "t2v"\n\n[components.ner.x]\n'
        '@architectures = "spacy-transformers.Tok2VecTransformer.v3"',
        r"\[components.ner.x\]: expected .* got 'spacy-transformers.Tok2VecTransf",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_what_has_no_counterpart_is_named(tmp_path, checkpoint, old, new, message):
    text = PARTIAL.replace(old, new, 1)
    assert text != PARTIAL
    with pytest.raises(ValueError, match=message):
        migrate_config(by_hand(tmp_path / "a.cfg", text), checkpoint)


CURATED = """
[nlp]
lang = "en"
pipeline = ["transformer", "tagger"]

[components]

[components.transformer]
factory = "curated_transformer"
all_layer_outputs = false

[components.transformer.model]
@architectures = "spacy-curated-transformers.BertTransformer.v1"
vocab_size = 30522

[components.transformer.model.with_spans]
@architectures = "spacy-curated-transformers.WithStridedSpans.v1"

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy-curated-transformers.LastTransformerLayerListener.v1"
width = 768
upstream = "transformer"
grad_factor = 0.5

[components.tagger.model.tok2vec.pooling]
@layers = "reduce_mean.v1"

[initialize]

[initialize.components]

[initialize.components.transformer]

[initialize.components.transformer.encoder_loader]
@model_loaders = "spacy-curated-transformers.HFTransformerEncoderLoader.v1"
name = "bert-base-uncased"
"""


def test_a_config_of_curated_transformers_is_migrated_too(tmp_path, checkpoint):
    config, _ = migrate_config(by_hand(tmp_path / "a.cfg", CURATED), checkpoint)
    assert "spacy-curated" not in config.to_str()
    assert config["components"]["tagger"]["model"]["tok2vec"] == {
        "@architectures": "spacy-bert.BertListener.v1",
        "width": "${components.bert_encoder.model.hidden_width}",
        "upstream": "bert_encoder",
        "grad_factor": 0.5,
    }
    expected = {"bert_encoder": {"checkpoint": "${paths.checkpoint}"}}
    assert config["initialize"]["components"] == expected
    other = CURATED.replace("LastTransformerLayerL", "ScalarWeightingL")
    with pytest.raises(ValueError, match="got 'spacy-curated.*ScalarWeightingListener"):
        migrate_config(by_hand(tmp_path / "b.cfg", other), checkpoint)


TRANSFORMER = """
[nlp]
lang = "en"
pipeline = ["transformer"]

[components]

[components.transformer]
factory = "transformer"

[components.transformer.set_extra_annotations]
@annotation_setters = "mine.v1"

[components.transformer.model]
@architectures = "spacy-transformers.TransformerModel.v3"
name = "roberta-base"
mixed_precision = true

[components.transformer.model.get_spans]
@span_getters = "spacy-transformers.strided_spans.v1"
window = 200
stride = 100
"""


def test_settings_of_a_transformer_have_their_counterparts(tmp_path, checkpoint):
    config, notes = migrate_config(by_hand(tmp_path / "a", TRANSFORMER), checkpoint)
    model = config["components"]["bert_encoder"]["model"]
    assert model["precision"] == "fp16"
    # 400 pieces, but for the 32 positions of the toy.
    assert model["window_width"] == 32
    (note,) = [note for note in notes if "mine.v1" in note]
    assert "trf_data" in note


def test_the_command_prints_the_diff(tmp_path, checkpoint):
    stock = write_stock(tmp_path / "old.cfg", "ner")
    output = tmp_path / "new.cfg"
    arguments = ["migrate", str(stock), str(output), "--checkpoint", str(checkpoint)]
    run = CliRunner().invoke(bert_cli, arguments)
    assert run.exit_code == 0, run.output
    assert '-pipeline = ["tok2vec", "ner"]' in run.output
    assert '+pipeline = ["bert_encoder", "ner"]' in run.output
    assert "spacy train" in run.output
    written = Config().from_disk(output, interpolate=False)
    assert written == migrate_config(stock, checkpoint)[0]
    again = CliRunner().invoke(bert_cli, arguments)
    assert again.exit_code == 1 and "--force" in again.output
    assert CliRunner().invoke(bert_cli, [*arguments, "--force"]).exit_code == 0
    to_standard_output = ["migrate", str(stock), "-", *arguments[3:]]
    printed = CliRunner().invoke(bert_cli, to_standard_output).output
    assert printed == output.read_text(encoding="utf8")
    without = CliRunner().invoke(bert_cli, arguments[:3])
    assert without.exit_code == 1 and "--checkpoint" in without.output
