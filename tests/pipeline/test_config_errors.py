"""Mistakes in a training config, as spaCy's own commands show them."""

import subprocess
import sys

import pytest
import spacy
from spacy.cli import app
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Config, ConfigValidationError
from typer.testing import CliRunner

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import starter_config

ENCODER = "--components.bert_encoder.model"
HEAD = "--components.bert_ner.model"
SQUAD = '[corpora.train]\n@readers = "spacy-bert.SquadReader.v1"\npath = "{}"\n'


@pytest.fixture
def config_path(checkpoint, tmp_path):
    doc = spacy.blank("xx")("the cat sat on the river bank")
    doc.ents = [doc.char_span(4, 7, label="ANIMAL")]
    DocBin(docs=[doc] * 4).to_disk(tmp_path / "docs.spacy")
    path = tmp_path / "config.cfg"
    text = starter_config(checkpoint, heads=["bert_ner"])
    path.write_text(text.replace("train = null", f'train = "{tmp_path}/docs.spacy"'))
    return path


def run(command, path, *options):
    """-> what was printed, in one line"""
    corpora = ["--paths.dev", "docs.spacy"]
    result = CliRunner().invoke(app, [*command, str(path), *corpora, *options])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    "options, message",
    [
        ([f"{ENCODER}.n_heads", "5"], "hidden_width must be a multiple of n_heads"),
        ([f"{ENCODER}.freeze", "top"], "'embeddings', 'all' or a number of layers"),
        (
            [f"{ENCODER}.activation", "glue"],
            "activation: expected 'gelu' or 'gelu_new'",
        ),
        ([f"{ENCODER}.precision", "fp8"], "precision: expected one of fp32"),
        ([f"{ENCODER}.combine", "sum"], "combine: expected one of mean, concat"),
        ([f"{ENCODER}.layer_decay", "2.0"], "layer_decay must lie in (0, 1]"),
        (
            [f"{ENCODER}.max_learn_rate", ".1"],
            "max_learn_rate: expected a number, such",
        ),
        ([f"{HEAD}.tok2vec.grad_factor", ".1"], "grad_factor: expected a number, such"),
        (
            [f"{HEAD}.decoder", "hmm"],
            "decoder: expected one of softmax, crf, got 'hmm'",
        ),
        ([f"{HEAD}.tok2vec.grad_factor", "-1.0"], "grad_factor must be a number"),
        (
            [f"{HEAD}.tok2vec.@architectures", "spacy-bert.ClsListener.v1"],
            "Set its @architectures to 'spacy-bert.BertListener.v1'",
        ),
    ],
)
@pytest.mark.parametrize("command", [["train"], ["debug", "config"]])
def test_a_model_that_cannot_be_built(config_path, command, options, message):
    said = run(command, config_path, *options)
    assert "Config validation error" in said and message in said
    # Nothing but the message: no dump of the block.
    assert "{'@architectures'" not in said


@pytest.mark.parametrize(
    "options, message",
    [
        ([f"{ENCODER}.n_layers", "1"], "n_layers = 1 in the config, 2 in the check"),
        (["--paths.checkpoint", "./nowhere"], "nowhere: expected the folder"),
        ([f"{HEAD}.tok2vec.width", "5"], "Set its width to 16"),
    ],
)
def test_a_pipeline_that_cannot_be_initialized(config_path, options, message):
    said = run(["train"], config_path, *options)
    assert "Config validation error" in said and message in said


def test_a_file_that_a_reader_does_not_find(config_path, tmp_path):
    text = config_path.read_text()
    start = text.index("[corpora.train]")
    end = text.index("[corpora.dev]")
    reader = SQUAD.format(tmp_path / "none.json") + "\n"
    config_path.write_text(text[:start] + reader + text[end:])
    said = run(["train"], config_path)
    assert "Config validation error" in said and "none.json" in said.replace(" ", "")


ALL_WRONG = {
    "hidden_width": 10,
    "n_segments": 0,
    "activation": "glue",
    "layer_norm_eps": 2.0,
    "layers": [5],
    "combine": "sum",
    "window_width": 2,
    "max_batch_pieces": 0,
    "freeze": "top",
    "learn_rate_factor": -1.0,
    "max_learn_rate": 0.0,
    "layer_decay": 2.0,
    "precision": "fp8",
    "pair_separator": "ab",
}


@pytest.mark.parametrize("block", [ENCODER, f"{HEAD}.tok2vec"])
def test_all_mistakes_of_an_encoder_are_shown_at_once(config_path, block):
    """Also of one that a head has for itself."""
    blocks = [f"{block}.{key}" for key in ALL_WRONG]
    values = map(str, ALL_WRONG.values())
    if block != ENCODER:
        config = Config().from_disk(config_path, interpolate=False)
        config["components"]["bert_ner"]["model"]["tok2vec"] = dict(
            config["components"]["bert_encoder"]["model"]
        )
        config.to_disk(config_path)
    options = [word for pair in zip(blocks, values, strict=True) for word in pair]
    said = run(["train"], config_path, *options)
    assert f"{len(ALL_WRONG)} mistakes in a block of 'spacy-bert.BertEncoder" in said
    for key in ALL_WRONG:
        assert f"- {key}: " in said or f"- {key} must " in said, key


def test_a_mistake_is_not_counted_twice(config_path):
    """What is compared with a wrong number is not a mistake of its own."""
    said = run(
        ["train"],
        config_path,
        *(f"{ENCODER}.n_layers", "-1", f"{ENCODER}.n_heads", "0"),
        *(f"{ENCODER}.max_positions", "2", f"{ENCODER}.layers", "1"),
    )
    assert "3 mistakes" in said
    for key in ("n_layers", "n_heads", "max_positions"):
        assert f"- {key} must be" in said


def test_a_wrong_type_and_an_unknown_key_are_named_by_spacy(config_path):
    said = run(
        ["train"], config_path, f"{ENCODER}.n_heads", "four", f"{ENCODER}.freze", "all"
    )
    assert "bert_encoder.model -> n_heads at root: 'four' is not" in said
    assert "bert_encoder.model -> freze unexpected argument" in said


def test_scripts_get_the_errors_that_they_had(checkpoint, nlp):
    with pytest.raises(ConfigValidationError, match="precision: expected one of"):
        add_encoder(spacy.blank("xx"), checkpoint, precision="fp8")
    with pytest.raises(FileNotFoundError, match="found nothing there") as caught:
        examples = [Example.from_dict(nlp.make_doc("a cat"), {})]
        encoder = nlp.get_pipe("bert_encoder")
        encoder.initialize(lambda: examples, checkpoint="./nowhere")
    assert isinstance(caught.value, ValueError)


@pytest.mark.slow
def test_no_stack_reaches_the_terminal(config_path):
    command = [sys.executable, "-m", "spacy", "train", config_path]
    options = ["--paths.dev", "docs.spacy", "--paths.checkpoint", "./nowhere"]
    result = subprocess.run([*command, *options], capture_output=True, text=True)
    assert result.returncode == 1 and "found nothing there" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
