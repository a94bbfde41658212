"""A command line of a page: does it exist, with these options, and does it run?"""

import shlex
from dataclasses import fields
from inspect import signature
from typing import Any, get_type_hints

import spacy.cli  # noqa: F401
import typer
from pages import ROOT
from spacy.cli._util import app
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli
from spacy_bert.model import BertConfig
from spacy_bert.pretraining import PretrainingConfig

# Programs of others, which are not checked.
OTHERS = {"hf", "pip", "uvicorn", "mkdir", "mv", "ruff", "mypy", "lint-imports", "bash"}
# Modules that `python -m` runs, and files that `python` runs.
MODULES = {
    "pytest",
    *(
        f"benchmarks.{name}"
        for name in (
            "encoder",
            "forgetting",
            "migration",
            "pretraining",
            "projects",
            "tasks",
        )
    ),
}
SPACY_SECTIONS = ("paths", "training", "nlp", "system", "corpora", "components")


def check_command(line: str, *, is_whole: bool = True) -> None:
    """is_whole: whether all arguments that it needs must be there."""
    words = shlex.split(line)
    while "=" in words[0]:  # a variable of the environment
        words = words[1:]
    if words[:2] == ["python", "-m"]:
        words = words[2:]
        if words[0] in MODULES:
            return
    elif words[0] == "python":
        assert (ROOT / words[1]).exists(), line
        return
    elif words[0] == "torchrun":
        words = words[words.index("-m") + 1 :]
    elif words[0] in OTHERS or words[:2] == ["mkdocs", "serve"]:
        return
    if words[0] in ("spacy_bert", "spacy-bert"):
        words = ["spacy", "bert", *words[1:]]
    assert words[0] == "spacy", f"unknown program in {line!r}"
    _check_spacy(words[1:], is_whole=is_whole)
    for word in words:
        if word.startswith("configs/"):
            assert (ROOT / word).exists(), line


def run_command(line: str) -> None:
    words = shlex.split(line)
    assert words[:4] == ["python", "-m", "spacy", "bert"], line
    result = CliRunner().invoke(bert_cli, words[4:], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def _check_spacy(words: list[str], *, is_whole: bool) -> None:
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"no command {words[0]!r}: {words}"
        command, words = command.commands[words[0]], words[1:]
    context = command.context_class(command, **command.context_settings)
    # Raises an error for an option that the command does not have.
    if not is_whole:
        words = [*words, "value-of-the-last-option"]
    given, rest, _ = command.make_parser(context).parse_args(args=list(words))
    takes_overrides = command.context_settings.get("ignore_unknown_options", False)
    assert takes_overrides or not is_whole or not rest, f"too many arguments: {words}"
    if is_whole and not hasattr(command, "commands"):
        needed = [p.name for p in command.params if p.required]
        missing = [name for name in needed if given.get(name) in (None, ())]
        assert not missing, f"missing: {missing} in {words}"
    for word in rest:
        if word.startswith("--"):
            _check_override(word[2:].partition("=")[0], is_ours=command.name != "train")


def _check_override(name: str, *, is_ours: bool) -> None:
    if name.startswith("vars."):
        return
    section, _, key = name.partition(".")
    if not is_ours:
        assert section in SPACY_SECTIONS, name
    elif section == "model":
        assert key in {field.name for field in fields(BertConfig)}, name
    elif section != "paths":
        kind = get_type_hints(PretrainingConfig)[section]
        assert key in signature(kind).parameters, name
