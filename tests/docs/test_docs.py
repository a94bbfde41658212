"""README.md and docs/ say what is true: their code runs, their configs and commands
exist, their links lead somewhere, and their tables list every setting."""

import json
import os
import re
from dataclasses import MISSING, fields
from inspect import Parameter, signature
from typing import Any, NamedTuple

import pytest
import setups
import spacy
from command_lines import check_command, run_command
from config_blocks import check_config
from pages import (
    PAGES,
    ROOT,
    page_name,
    read_anchors,
    read_blocks,
    read_inline_code,
    read_links,
    split_commands,
)

import spacy_bert
from spacy_bert.model import BertConfig
from spacy_bert.pipeline.architectures import build_bert_encoder
from spacy_bert.pipeline.bert_encoder import BertTok2Vec
from spacy_bert.pipeline.listeners import build_cls_listener
from spacy_bert.pretraining import PretrainingConfig

KINDS = {"python", "ini", "bash", "toml", "json", "text", "setup"}

every_page = pytest.mark.parametrize("path", PAGES, ids=page_name)


@every_page
def test_the_code_runs(path, tmp_path, monkeypatch):
    """In order, in one namespace, with what the page's setups make."""
    monkeypatch.chdir(tmp_path)
    spacy.util.fix_random_seed(0)
    namespace = {**vars(setups), "__name__": "__main__", "monkeypatch": monkeypatch}
    for block in read_blocks(path):
        if block.kind in ("python", "setup"):
            # So that a traceback has the page's lines.
            code = "\n" * (block.line - 1) + block.text
            exec(compile(code, path, "exec"), namespace)
        elif block.is_run:
            for command in split_commands(block.text):
                run_command(command)


@every_page
def test_the_configs_are_accepted(path):
    for block in read_blocks(path):
        if block.kind == "ini":
            check_config(block.text)


@every_page
def test_toml_can_be_read(path):
    tomllib = pytest.importorskip("tomllib", reason="comes with Python 3.11")
    for block in read_blocks(path):
        if block.kind == "toml":
            tomllib.loads(block.text)


@every_page
def test_the_commands_exist(path):
    for block in read_blocks(path):
        if block.kind == "bash":
            for command in split_commands(block.text):
                check_command(command)
    for code in read_inline_code(path):
        if re.match(r"(python -m )?spacy(-bert)? [a-z]", code):
            check_command(code.replace("...", "").replace("|", " "), is_whole=False)


@every_page
def test_every_block_says_what_it_is(path):
    kinds = {block.kind for block in read_blocks(path)}
    assert kinds <= KINDS


@every_page
def test_the_links_lead_somewhere(path):
    for link in read_links(path):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if anchor:
            assert anchor in read_anchors(target), link


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf8")
    assert len(text.splitlines()) <= 200


def test_the_readme_has_the_marks_of_the_default_run():
    text = (ROOT / "README.md").read_text(encoding="utf8")
    assert re.search(r"<!-- default run -->\n.*\n<!-- end -->", text, re.DOTALL)


class Settings(NamedTuple):
    """Keys and their defaults; `MISSING` for a key that must be given."""

    heading: str
    defaults: dict[str, Any]


def _of_class(heading: str, cls: Any) -> Settings:
    defaults = {}
    for field in fields(cls):
        made = field.default_factory
        defaults[field.name] = field.default if made is MISSING else made()
    return Settings(heading, defaults)


def _of_function(heading: str, function: Any, *skipped: str) -> Settings:
    parameters = [p for n, p in signature(function).parameters.items()]
    return Settings(
        heading,
        {
            p.name: MISSING if p.default is Parameter.empty else p.default
            for p in parameters
            if p.name not in skipped
        },
    )


SECTIONS = PretrainingConfig.__annotations__
SETTINGS = [
    _of_class("[corpus]", SECTIONS["corpus"]),
    _of_class("[vocabulary]", SECTIONS["vocabulary"]),
    _of_class("[model]", BertConfig),
    _of_class("[pretraining]", SECTIONS["pretraining"]),
    Settings(
        "[components.bert_encoder]",
        {"save_cls": False, "similarity_hooks": True, "trf_data": False},
    ),
    _of_function("[components.bert_encoder.model]", build_bert_encoder),
    _of_function(
        "[initialize.components.bert_encoder]",
        BertTok2Vec.initialize,
        *("self", "get_examples", "nlp"),
    ),
    _of_function("Listeners", build_cls_listener),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings.heading)
def test_every_setting_is_listed_with_its_default(settings):
    page = (ROOT / "docs" / "configs.md").read_text(encoding="utf8")
    part = page.partition(f"\n## {settings.heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", part, re.MULTILINE)
    assert {name for name, _ in rows} == {*settings.defaults}
    for name, written in rows:
        default = settings.defaults[name]
        if default is MISSING:
            assert not written.startswith("`"), name
        else:
            assert json.loads(written.strip("`")) == _as_json(default), name


@pytest.mark.parametrize(
    "task, factory", [("questions", "extractive_qa"), ("entities", "bert_ner")]
)
def test_the_keys_of_a_head_are_listed(task, factory):
    page = (ROOT / "docs" / "tasks" / f"{task}.md").read_text(encoding="utf8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", page, re.MULTILINE))
    defaults = spacy.blank("xx").get_factory_meta(factory).default_config
    for name in {*defaults} - {"model", "scorer"}:
        assert json.loads(rows[name]) == defaults[name], name


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_the_api_page_has_every_public_name():
    tomllib = pytest.importorskip("tomllib", reason="comes with Python 3.11")
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf8")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    groups = tomllib.loads(text)["project"]["entry-points"]
    # A group of commands has no function to document.
    commands = {*groups.pop("spacy_cli")}
    names = {name for group in groups.values() for name in group}
    headings = {*re.findall(r"^### (.+)$", page, re.MULTILINE)}
    assert headings == names | {*spacy_bert.__all__}
    assert names == {*re.findall(r"^::: @([\w.-]+)$", page, re.MULTILINE)}
    assert all(f"`{name}`" in page for name in commands)


def test_every_page_is_in_the_navigation():
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf8")
    listed = {*re.findall(r"^ +- .+: (\S+\.md)$", config, re.MULTILINE)}
    docs = ROOT / "docs"
    assert listed == {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}


def test_the_drawings_are_used():
    used = {
        os.path.normpath(path.parent / link)
        for path in PAGES
        for link in read_links(path)
    }
    for drawing in (ROOT / "docs" / "images").iterdir():
        assert str(drawing) in used
