"""Mistakes in a training config, as spaCy's own commands show them."""

import subprocess
import sys

import pytest
import spacy
from spacy.cli import app
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import ConfigValidationError
from typer.testing import CliRunner

from spacy_bert import add_encoder
from spacy_bert.pipeline.starter_config import starter_config

ENCODER = "--components.bert_encoder.model"
HEAD = "--components.bert_ner.model"
SQUAD = '[corpora.train]\n@readers = "spacy-bert.SquadReader.v1"\npath = "{}"\n'


@pytest.fixture
def config_path(checkpoint, tmp_path):
    doc = spacy.blank("en")("the cat sat on the river bank")
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
        ([f"{ENCODER}.activation", "glue"], "activation must be one of"),
        ([f"{ENCODER}.precision", "fp8"], "precision must be one of fp32"),
        ([f"{ENCODER}.combine", "sum"], "combine must be 'mean' or 'concat'"),
        ([f"{ENCODER}.layer_decay", "2.0"], "layer_decay must lie in (0, 1]"),
        (
            [f"{ENCODER}.max_learn_rate", ".1"],
            "max_learn_rate: expected a number, such",
        ),
        ([f"{HEAD}.tok2vec.grad_factor", ".1"], "grad_factor: expected a number, such"),
        ([f"{HEAD}.decoder", "hmm"], "decoder must be one of softmax, crf, got 'hmm'"),
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
        (["--paths.checkpoint", "nowhere"], "nowhere: no config.json"),
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


def test_scripts_get_the_errors_that_they_had(checkpoint, nlp):
    with pytest.raises(ConfigValidationError, match="precision must be one of"):
        add_encoder(spacy.blank("en"), checkpoint, precision="fp8")
    with pytest.raises(FileNotFoundError, match="no config.json") as caught:
        examples = [Example.from_dict(nlp.make_doc("a cat"), {})]
        encoder = nlp.get_pipe("bert_encoder")
        encoder.initialize(lambda: examples, checkpoint="nowhere")
    assert isinstance(caught.value, ValueError)


@pytest.mark.slow
def test_no_stack_reaches_the_terminal(config_path):
    command = [sys.executable, "-m", "spacy", "train", config_path]
    options = ["--paths.dev", "docs.spacy", "--paths.checkpoint", "nowhere"]
    result = subprocess.run([*command, *options], capture_output=True, text=True)
    assert result.returncode == 1 and "no config.json" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
