"""What `spacy bert vocab` says of accents, and which commands read them alike."""

import json

import pytest
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli
from spacy_bert.pretraining.training import initial_state
from spacy_bert.tokenization import WordPiece, load_tokenizer

CONFIG = """
[corpus]
path = "{folder}/corpus.txt"
sentences = "lines"
lang = "{lang}"
held_out_ratio = 0.2
[vocabulary]
path = "{folder}/vocab.txt"
size = 90
[model]
hidden_width = 8
n_layers = 1
n_heads = 1
intermediate_width = 8
max_positions = 32
[pretraining]
max_steps = 1
batch_size = 2
max_length = 16
n_eval_instances = 2
"""
TEXTS = {
    "hi": ["मैं घर में हूँ", "घर में मैं था", "मैं में था"],
    "de": ["es wurde gut", "es würde gut sein", "wurde es gut", "würde es"],
    "en": ["the cat sat on the mat", "a naïve dog sat", "the naive cat ran on"],
}


@pytest.fixture
def run(tmp_path):
    """run("vocab", "hi", *options): on a text of a language, read as `lang`."""

    def run(command, text, *options, lang=None, exit_code=0):
        config = tmp_path / "my.cfg"
        config.write_text(CONFIG.format(folder=tmp_path, lang=lang or text))
        documents = ["\n".join(TEXTS[text])] * 40
        if text == "en":
            documents[1:] = ["the cat sat on the mat\nthe cat ran on"] * 200
        path = tmp_path / "corpus.txt"
        if not path.exists():
            path.write_text("\n\n".join(documents), encoding="utf8")
        folder = [] if command == "vocab" else [str(tmp_path / "out")]
        given = [command, str(config), *folder, *options]
        result = CliRunner().invoke(bert_cli, given)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return " ".join(result.output.split())

    return run


def test_the_language_keeps_accents_and_says_so(run):
    said = run("vocab", "hi")
    assert "Accents are kept" in said and "[corpus] lang = 'hi'" in said
    assert "Stripping" not in said


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_language_without_accents_is_warned_of_text_with_them(run, quiet):
    """मैं (I) and में (in) are as frequent as each other."""
    said = run("vocab", "hi", *quiet, lang="xx")
    assert "Accents are stripped with [corpus] lang = 'xx'" in said
    assert "में = मैं" in said and "[vocabulary] strip_accents = false" in said
    assert "of the 5 most frequent words 1 (20.0%) become equal" in said


def test_a_few_loanwords_are_no_warning(run):
    said = run("vocab", "en")
    assert "Accents are stripped with [corpus] lang = 'en', as BERT does" in said
    assert "Stripping" not in said


@pytest.mark.parametrize("value", ["true", "false"])
def test_an_explicit_value_is_named(run, value):
    said = run("vocab", "de", "--vocabulary.strip_accents", value)
    assert f"[vocabulary] strip_accents = {value}" in said
    # Whoever strips German accents is told what that loses.
    assert ("wurde = würde" in said) is (value == "true")


def test_a_cased_vocabulary_keeps_accents(run):
    said = run("vocab", "de", "--vocabulary.lowercase", "false")
    assert "Accents are kept: [vocabulary] lowercase = false" in said


def test_every_command_reads_what_vocab_decided(tmp_path, run):
    """The language of the commands does not matter: the pieces have accents."""
    run("vocab", "de")
    run("index", "de", lang="en")
    said = run("pretrain", "de")
    assert "Indexing" not in said
    settings = json.loads(
        (tmp_path / "out/model-best/tokenizer_config.json").read_text()
    )
    assert settings["strip_accents"] is False
    assert load_tokenizer(tmp_path / "out" / "model-best").words("würde") == ["würde"]


def test_a_run_with_a_stripped_vocabulary_resumes(tmp_path, run, monkeypatch):
    """As version 0.1 made one in a language whose default changed since."""
    run("vocab", "de", "--vocabulary.strip_accents", "true")
    with monkeypatch.context() as before:
        before.setattr(
            initial_state,
            "load_vocabulary",
            lambda config: WordPiece.from_file(tmp_path / "vocab.txt"),
        )
        run("pretrain", "de")
    said = run("pretrain", "de", "--resume", "--pretraining.max_steps", "2")
    assert "Continuing" in said and "after step 1" in said


def test_a_run_whose_setting_changed_is_not_resumed(run):
    run("vocab", "de")
    run("pretrain", "de")
    options = ["--resume", "--vocabulary.strip_accents", "true"]
    said = run("pretrain", "de", *options, exit_code=1)
    assert "the vocabulary changed" in said and "strip_accents" in said
