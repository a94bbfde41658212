"""A config file and the overrides of a command line -> a pretraining run's settings."""

import re
from collections.abc import Mapping
from configparser import Error as ConfigParserError
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import typer
from click import UsageError
from spacy.cli._util import parse_config_overrides

if TYPE_CHECKING:
    from ..corpus.documents import Splitter
    from ..pretraining import PretrainingConfig

# What begins a line: a key, not JSON that continues the line above.
_KEY = re.compile(r"(\s*)(?:[\w@][^=\"]*=|\[[a-z]+[\w.]*\]\s*$)")


def read_settings(
    path: Path, ctx: typer.Context, *, learns_vocabulary: bool = False
) -> tuple["PretrainingConfig", "Splitter | None", dict[str, Any]]:
    """The config, what splits its text into sentences, and its section [logger].

    Raises ValueError with all mistakes of the file at once, and UsageError for options
    that are none. learns_vocabulary: a checkpoint, which has one, is refused.
    """
    from ..interop.logger import check_logger
    from ..interop.sentences import configured_splitter, make_splitter
    from ..pretraining import PretrainingConfig
    from ..sections import Mistakes

    sections = _load(path, _read_overrides(ctx))
    if learns_vocabulary:
        _refuse_checkpoint(sections)
    mistakes = Mistakes()
    config = mistakes.collect(lambda: PretrainingConfig.from_dict(sections))
    logger = sections.get("logger", {})
    mistakes.collect(lambda: check_logger(logger))
    if config:
        splitter = mistakes.collect(lambda: configured_splitter(config))
    else:
        corpus = sections.get("corpus", {})
        defaults = {"sentences": "sentencizer", "lang": "en"}
        asked = [corpus.get(key, default) for key, default in defaults.items()]
        if all(isinstance(value, str) for value in asked):
            mistakes.collect(lambda: make_splitter(*asked))
    mistakes.raise_any()
    assert config
    return config, splitter, logger


def _refuse_checkpoint(sections: Mapping[str, Any]) -> None:
    training = sections.get("pretraining")
    checkpoint = training.get("checkpoint") if isinstance(training, Mapping) else None
    if checkpoint is not None:
        raise ValueError(
            "[pretraining] checkpoint: expected none to learn a vocabulary, got "
            f"{checkpoint!r}, which has its own. To add pieces to it, set [vocabulary] "
            "extend_vocab and run 'spacy bert pretrain'."
        )


def _read_overrides(ctx: typer.Context) -> dict[str, Any]:
    for i, argument in enumerate(ctx.args):
        if not argument.startswith("--"):
            continue
        name = argument[2:].split("=")[0]
        if "." not in name:
            raise UsageError(f"No such option: --{name}. {_advise(name, ctx)}")
        value = ctx.args[i + 1 : i + 2]
        has_value = "=" in argument or (value and not value[0].startswith("--"))
        if not has_value and not _may_be_true(name):
            raise UsageError(
                f"--{name}: a value is missing after it, as in --{name} VALUE."
            )
    return parse_config_overrides(ctx.args)


def _advise(name: str, ctx: typer.Context) -> str:
    """Settings need their section; the command has options of its own."""
    options = [option for param in ctx.command.params for option in param.opts]
    known = {option.lstrip("-"): option for option in options}
    known |= {key: f"--{section}.{key}" for section, key in _types()}
    close = get_close_matches(name.replace("-", "_"), known, n=1)
    meant = f" Did you mean {known[close[0]]}?" if close else ""
    return f"Settings have their section before them: --section.key VALUE.{meant}"


def _may_be_true(name: str) -> bool:
    """Whether an override without a value, which is true, makes sense."""
    section, _, key = name.partition(".")
    kind = _types().get((section, key))
    return section != "paths" and (kind is None or bool in (kind, *get_args(kind)))


def _types() -> dict[tuple[str, str], Any]:
    """("pretraining", "max_steps") -> int | None"""
    from ..corpus.documents import CorpusConfig
    from ..corpus.vocabulary import VocabularyConfig
    from ..model import BertConfig
    from ..pretraining.training_config import TrainingConfig

    classes = {
        "corpus": CorpusConfig,
        "vocabulary": VocabularyConfig,
        "model": BertConfig,
        "pretraining": TrainingConfig,
    }
    return {
        (section, key): kind
        for section, cls in classes.items()
        for key, kind in get_type_hints(cls).items()
    }


def _load(path: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    from spacy.util import load_config
    from thinc.api import ConfigValidationError

    try:
        _check_indents(path, path.read_text(encoding="utf8"))
        return load_config(path, dict(overrides), interpolate=True)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8: {error}.") from error
    except ConfigValidationError as error:
        found = [_describe(error, path)] if error.desc is None else [error.desc]
        raise ValueError(_named(" ".join(found), path)) from error
    except ConfigParserError as error:
        raise ValueError(_named(str(error), path)) from error


def _named(message: str, path: Path) -> str:
    """With the file's name, for which the parser has "<string>"."""
    message = " ".join(message.replace("'<string>'", str(path)).split())
    return message if str(path) in message else f"{path}: {message}"


def _describe(error: Any, path: Path) -> str:
    """Overrides of what is in no section of the file."""
    from ..pretraining.config import SECTIONS
    from ..sections import closest

    names = [".".join(map(str, found["loc"])) for found in error.errors or ()]
    if not names:
        return str(error)
    section = names[0].rpartition(".")[0]
    return (
        f"--{names[0]}: expected a section of {path}, which has no [{section}]. "
        f"{closest(section, SECTIONS)}Or add the section to the file."
    )


def _check_indents(path: Path, text: str) -> None:
    """Raises ValueError for a key behind more spaces than the one above it, which would
    become part of that one's value."""
    indent = len(text)
    for number, line in enumerate(text.splitlines(), start=1):
        key = _KEY.match(line)
        if key and len(key[1]) > indent:
            raise ValueError(
                f"{path}, line {number}: expected a key at the beginning of the line, "
                f"got {line.rstrip()!r}. The spaces before it make it a part of the "
                "line above. Remove them."
            )
        if key:
            indent = len(key[1])
