"""A block of a config on a page -> nothing, or an error that says what is wrong."""

import re
from inspect import Parameter, signature
from typing import Any

import spacy
from spacy.language import Language
from thinc.api import Config

from spacy_bert.model import BertConfig
from spacy_bert.pipeline.bert_encoder import BertTok2Vec
from spacy_bert.pretraining import PretrainingConfig
from spacy_bert.sections import read_section

# The value of `${...}`, by the last part of its name.
VALUES = {
    "hidden_width": "384",
    "max_steps": "100",
    "train": '"train.spacy"',
    "checkpoint": '"bert"',
}

# Sections of a pretraining config, with the keys that must be there.
PRETRAINING = {
    name: PretrainingConfig.__annotations__[name]
    for name in ("corpus", "vocabulary", "pretraining")
}
NEEDED = {"corpus": {"path": "a.txt"}, "vocabulary": {"path": "vocab.txt"}}

NOT_BUILT = {
    "spacy-bert.TensorBoard.v1": "tensorboard is an extra",
    "spacy.WandbLogger.v5": "wandb is an extra",
}


def check_config(text: str) -> None:
    text = re.sub(r"\$\{[\w.]*?(\w+)\}", lambda match: VALUES[match[1]], text)
    config = Config().from_str(_with_parents(text))
    for name, section in config.items():
        if name in PRETRAINING:
            values = {**NEEDED.get(name, {}), **section}
            read_section(PRETRAINING[name], values, section=name)
        elif name == "model":
            read_section(BertConfig, {"vocab_size": 9, **section}, section=name)
        else:
            _check_section((name,), section)


def _with_parents(text: str) -> str:
    """Sections of a page lack those that they are in, which Config wants."""
    names = re.findall(r"^\[([\w.]+)\]$", text, re.MULTILINE)
    parents = {
        name.rsplit(".", n)[0] for name in names for n in range(1, name.count(".") + 1)
    }
    missing = sorted(parents - {*names}, key=lambda name: name.count("."))
    return "".join(f"[{name}]\n\n" for name in missing) + text


def _check_section(path: tuple[str, ...], section: dict[str, Any]) -> None:
    names = [key for key in section if key.startswith("@")]
    own = {key for key, value in section.items() if not isinstance(value, dict)}
    if names:
        _check_registered(section)
        if section[names[0]] not in NOT_BUILT:
            spacy.registry.resolve({"block": section})
        return
    if path[0] == "components" and len(path) == 2 and "factory" in section:
        nlp = spacy.blank("xx")
        known = Language.get_factory_meta(section["factory"]).default_config
        _check_keys(path, {*section} - {"factory"}, {*known})
        assert nlp.has_factory(section["factory"])
        own = set()
        # In the others, such as weights of labels, the keys are the user's.
        section = {
            key: section[key] for key in section if isinstance(known.get(key), dict)
        }
    elif path[:2] == ("initialize", "components") and len(path) == 3:
        _check_keys(path, {*section}, {*signature(BertTok2Vec.initialize).parameters})
        own = set()
    elif path == ("paths",):
        return
    elif path[0] == "components" and {*section} <= {"source", "component"}:
        return
    assert not own, f"{path}: nothing says what {own} are"
    for key, value in section.items():
        if isinstance(value, dict):
            _check_section((*path, key), value)


def _check_registered(section: dict[str, Any]) -> None:
    (at,) = (key for key in section if key.startswith("@"))
    function = spacy.registry.get(at[1:], section[at])
    parameters = signature(function).parameters.values()
    if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        known = {parameter.name for parameter in parameters}
        _check_keys((section[at],), {*section} - {at}, known)
    for value in section.values():
        if isinstance(value, dict) and any(key.startswith("@") for key in value):
            _check_registered(value)


def _check_keys(path: tuple[str, ...], keys: set[str], known: set[str]) -> None:
    assert keys <= known, f"{path}: unknown keys {keys - known}"
