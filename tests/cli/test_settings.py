"""Config files and command lines with mistakes: each is named, with what to do."""

import pytest
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli

CONFIG = """
[paths]
corpus = "corpus.txt"

[corpus]
path = ${paths.corpus}
sentences = "lines"

[vocabulary]
path = "vocab.txt"

[pretraining]
max_steps = 2
batch_size = 8
compile = false
fill_mask_samples = [
  "x [MASK]",
  "key = [MASK]"
  ]
"""


@pytest.fixture
def config_path(tmp_path):
    path = tmp_path / "my.cfg"
    path.write_text(CONFIG)
    return path


def run(*arguments):
    """-> exit status, and what was printed without its line breaks"""
    result = CliRunner().invoke(bert_cli, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("command", ["vocab", "index", "pretrain"])
@pytest.mark.parametrize(
    "old, new, message",
    [
        ("[pretraining]", "[pretraining", "my.cfg [line 12]: '[pretraining"),
        ("[pretraining]", "[corpus]", "my.cfg [line 12]: section 'corpus' already"),
        ("compile", "max_steps", "my.cfg [line 15]: option 'max_steps' in section"),
        ("compile = false", "compile", "my.cfg [line 15]: 'compile"),
        ("[paths]", "x = 1", "my.cfg"),
        ("batch", "  batch", "my.cfg, line 14: expected a key at the beginning"),
        ("[pretraining]", "   [pretraining]", "my.cfg, line 12: expected a key at the"),
        ("${paths.corpus}", "${paths.corpse}", "my.cfg: Bad value substitution"),
    ],
)
def test_what_is_no_config_is_named_with_its_file(
    config_path, tmp_path, command, old, new, message
):
    assert old in CONFIG
    config_path.write_text(CONFIG.replace(old, new, 1))
    output = [] if command == "vocab" else [tmp_path / "out"]
    status, said = run(command, config_path, *output)
    # Long paths are broken.
    assert status == 1 and message in said and "<string>" not in said


def test_values_of_several_lines_are_none_of_these(config_path, tmp_path):
    status, said = run(
        "pretrain", config_path, tmp_path / "out", "--vocabulary.size", 0
    )
    assert status == 1 and "size: expected at least 1" in said
    config_path.write_text("\n".join(f"  {line}" for line in CONFIG.splitlines()))
    _, said = run("pretrain", config_path, tmp_path / "out", "--vocabulary.size", 0)
    assert "size: expected at least 1" in said


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["--pretraining.max_steps"], 2, "--pretraining.max_steps: a value is missing"),
        (["--paths.corpus", "--pretraining.compile"], 2, "--paths.corpus: a value is"),
        (["--max_steps", "5"], 2, "Did you mean --pretraining.max_steps?"),
        (["--max-steps", "5"], 2, "Did you mean --pretraining.max_steps?"),
        (["--hiden_width", "5"], 2, "Did you mean --model.hidden_width?"),
        (["--resme"], 2, "Did you mean --resume?"),
        (["--foo"], 2, "No such option: --foo. Settings have their section before"),
        (["--pretraning.seed", "5"], 1, "no [pretraning]. Did you mean 'pretraining'?"),
        (["--corpus.settings.field", "x"], 1, "which has no [corpus.settings]"),
        (["--n-process", "-3"], 1, "expected 0, all cores, or more, got -3"),
        (["--gpu-id", "-5"], 1, "expected -1, the CPU, or more, got -5"),
    ],
)
def test_overrides(config_path, tmp_path, arguments, status, message):
    found, said = run("pretrain", config_path, tmp_path / "out", *arguments)
    assert found == status and message in said.replace("│ ", "")


def test_a_flag_needs_no_value(config_path, tmp_path):
    given = ["--pretraining.compile", "--pretraining.batch_size", 0]
    status, said = run("pretrain", config_path, tmp_path / "out", *given)
    assert status == 1 and "batch_size: expected at least 1, got 0" in said
    assert "compile" not in said


def test_mistakes_of_all_sections_come_together(config_path, tmp_path):
    logger = '\n[logger]\n@loggers = "spacy.ConsoleLogger.v3"\nprogress = true\n'
    config_path.write_text(CONFIG + logger)
    given = ["--corpus.lang", "xyz", "--corpus.sentences", "sentencizer"]
    wrong = ["--pretraining.mask_prob", 2, "--vocabulary.sise", 3]
    status, said = run("pretrain", config_path, tmp_path / "out", *given, *wrong)
    assert status == 1 and "4 mistakes in the config" in said
    assert "mask_prob: expected a probability above 0" in said
    assert "Did you mean 'size'?" in said
    assert "[logger]: unexpected argument: 'progress'" in said
    assert "[corpus] lang: expected the code of a language" in said


def test_a_default_is_no_mistake_next_to_one(config_path, tmp_path):
    config_path.write_text(CONFIG.replace('sentences = "lines"', ""))
    wrong = ["--pretraining.batch_size", 0]
    status, said = run("pretrain", config_path, tmp_path / "out", *wrong)
    assert status == 1 and "batch_size: expected at least 1, got 0" in said
    assert "sentences" not in said and "mistakes" not in said


@pytest.mark.parametrize(
    "command, option", [("index", "--n-process"), ("evaluate", "--gpu-id")]
)
def test_impossible_devices_and_processes_are_refused(
    config_path, tmp_path, command, option
):
    status, said = run(command, config_path, tmp_path / "out", option, "-3")
    assert status == 1 and f"{option}: expected" in said and "got -3" in said
