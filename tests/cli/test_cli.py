"""The commands, as a shell sees them."""

import subprocess
import sys

import pytest
import spacy
import torch
import typer
from typer.testing import CliRunner

from spacy_bert import add_encoder
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.cli import bert_cli
from spacy_bert.cli.errors import shown_as_messages

COMMANDS = [
    "vocab",
    "pretrain",
    "evaluate",
    "fill-mask",
    "init-config",
    "convert",
    "quantize",
    "export",
    "compare",
]


def run(*args):
    return CliRunner().invoke(bert_cli, [str(arg) for arg in args])


def words(result):
    """What was printed, without the line breaks that fit it to the terminal."""
    return " ".join(result.output.split())


@pytest.fixture
def checkpoint(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path / "checkpoint", pretraining_model, tokenizer)
    return tmp_path / "checkpoint"


def test_spacy_and_the_script_list_the_same_commands():
    spacy_help = subprocess.run(
        [sys.executable, "-m", "spacy", "bert", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    own_help = run("--help").output
    for command in COMMANDS:
        assert command in spacy_help and command in own_help


def test_help_keeps_the_names_of_sections():
    assert "[corpus]" in run("vocab", "--help").output
    assert "[corpus] reader" in run("evaluate", "--help").output


def test_every_command_explains_itself():
    for command in COMMANDS:
        result = run(command, "--help")
        assert result.exit_code == 0 and "Usage" in result.output


@pytest.mark.parametrize(
    ("baseline", "addition"),
    [
        ("pass", "import spacy_bert"),
        ("import spacy.cli", "import spacy_bert.cli"),
        ("import spacy", "import spacy_bert.pipeline.bert_encoder"),
    ],
)
def test_importing_stays_cheap(baseline, addition):
    """Nothing large comes in that is not there already."""
    large = {"torch", "torch._dynamo", "spacy", "thinc", "numpy", "transformers"}
    code = (
        f"import sys; {baseline}; before = set(sys.modules); {addition}; "
        "print(*(set(sys.modules) - before))"
    )
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "spacy_bert" in output.split()
    assert not large & set(output.split())


def test_a_starter_config_trains_as_it_is(checkpoint, tmp_path):
    path = tmp_path / "config.cfg"
    result = run("init-config", checkpoint, path, "--pipeline", "textcat,ner,spancat")
    assert result.exit_code == 0, result.output
    text = path.read_text()
    assert "# Holds inside the encoder too.\ndropout" in text
    config = spacy.util.load_config(path)
    assert config["components"]["bert_encoder"]["model"]["hidden_width"] == 16
    nlp = spacy.util.load_model_from_config(config)
    assert nlp.pipe_names == ["bert_encoder", "textcat", "ner", "spancat"]


def test_init_config_does_not_overwrite(checkpoint, tmp_path):
    path = tmp_path / "config.cfg"
    path.write_text("mine")
    result = run("init-config", checkpoint, path)
    assert result.exit_code == 1 and "exists already" in words(result)
    assert path.read_text() == "mine"


def test_init_config_names_the_heads_it_knows(checkpoint):
    result = run("init-config", checkpoint, "-", "--pipeline", "nerr")
    assert result.exit_code == 1 and "got nerr" in words(result)


def test_init_config_takes_the_name_of_a_task(checkpoint, tmp_path):
    path = tmp_path / "config.cfg"
    result = run("init-config", checkpoint, path, "--task", "similarity")
    assert result.exit_code == 0, result.output
    assert spacy.util.load_config(path)["nlp"]["pipeline"] == [
        "bert_encoder",
        "text_regressor",
    ]
    result = run("init-config", checkpoint, "-", "--task", "pairs", "-p", "ner")
    assert result.exit_code == 1 and "got --task and --pipeline" in words(result)
    result = run("init-config", checkpoint, "-", "--task", "translation")
    assert result.exit_code == 1 and "got translation" in words(result)


@pytest.mark.parametrize(
    "options, command",
    [([], "spacy train"), (["--pretraining"], "spacy bert pretrain")],
)
def test_init_config_prints_the_command_to_run_next(
    checkpoint, tmp_path, options, command
):
    path = tmp_path / "my config.cfg"
    result = run("init-config", checkpoint, path, *options)
    assert result.exit_code == 0, result.output
    last = result.output.splitlines()[-1]
    assert last.startswith(f"python -m {command} '{path}'")
    # What is printed is the config alone.
    result = run("init-config", checkpoint, "-", *options)
    assert result.output == path.read_text()


def test_init_config_refuses_a_head_that_is_named_twice(checkpoint):
    result = run("init-config", checkpoint, "-", "--pipeline", "ner,textcat, ner")
    assert result.exit_code == 1 and "once, got ner twice" in words(result)


def test_a_folder_around_a_checkpoint_leads_to_it(checkpoint, tmp_path):
    """A pipeline, and what `spacy train` and `spacy bert pretrain` write."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    (tmp_path / "trained").mkdir()
    nlp.to_disk(tmp_path / "trained" / "model-best")
    checkpoint.rename(tmp_path / "run-model")
    (tmp_path / "run").mkdir()
    (tmp_path / "run-model").rename(tmp_path / "run" / "model-last")
    inside = {
        "trained/model-best": "trained/model-best/bert_encoder/model",
        "trained": "trained/model-best/bert_encoder/model",
        "run": "run/model-last",
    }
    for folder, found in inside.items():
        result = run("init-config", tmp_path / folder, "-")
        said = "".join(result.output.split())
        assert (
            result.exit_code == 1 and f"Thereisacheckpointin{tmp_path / found}" in said
        )


def test_quantize_says_what_a_pipeline_is(checkpoint, tmp_path):
    result = run("quantize", checkpoint, tmp_path / "out")
    assert result.exit_code == 1 and "got the checkpoint of a BERT" in words(result)
    result = run("quantize", tmp_path, tmp_path / "out")
    assert result.exit_code == 1 and "expected a pipeline" in words(result)


def test_fill_mask_answers(checkpoint):
    result = run("fill-mask", checkpoint, "the [MASK] sat", "--top-k", 3)
    assert result.exit_code == 0, result.output


def test_a_missing_checkpoint_is_a_message_not_a_stack(tmp_path):
    result = run("fill-mask", tmp_path / "nowhere", "the [MASK] sat")
    assert result.exit_code == 1
    assert "found nothing there" in words(result) and "Traceback" not in words(result)


def test_compare_names_the_file_that_is_none(tmp_path):
    for content in ("", "[]", '{"other": 1}'):
        (tmp_path / "scores.json").write_text(content)
        result = run("compare", tmp_path / "scores.json")
        assert result.exit_code == 1 and "scores.json" in result.output


def test_an_option_that_is_no_override_is_a_message(tmp_path):
    (tmp_path / "some.cfg").write_text("[corpus]\n")
    result = run("vocab", tmp_path / "some.cfg", "--foo")
    assert result.exit_code == 2 and "foo" in result.output


def test_compare_puts_pipelines_side_by_side(tmp_path):
    (tmp_path / "one.json").write_text('{"ents_f": 0.5, "speed": 1234.5}')
    (tmp_path / "two.json").write_text('{"ents_f": 0.25, "cats_macro_f": null}')
    result = run("compare", tmp_path / "one.json", tmp_path / "two.json")
    lines = [line.split() for line in result.output.splitlines() if line.strip()]
    assert lines[0] == ["one", "two"]
    assert ["ner", "F", "50.0", "25.0"] in lines
    assert ["words/s", "1,234", "-"] in lines


@pytest.mark.parametrize(
    "lack", [lambda: torch.empty(1 << 60), lambda: [0] * (1 << 60)]
)
def test_too_little_memory_is_a_message(capsys, lack):
    """torch raises RuntimeError, Python MemoryError; each command has its advice."""
    for given, advice in (({}, "a smaller model"), ({"if_memory_lacks": "Go"}, "Go")):
        with pytest.raises(typer.Exit):
            with shown_as_messages(**given):
                lack()
        said = " ".join(capsys.readouterr().out.split())
        assert "Not enough memory" in said and advice in said
        assert "batch_size" not in said
