"""The project's configs, and its wheel."""

import zipfile

import pytest
import spacy
from environments import ROOT, build_project

import spacy_bert
from spacy_bert.pretraining import PretrainingConfig


def test_the_public_functions_are_listed():
    """They are imported on first use, and found by name before that."""
    assert {*spacy_bert.__all__} <= {*dir(spacy_bert)}
    assert all(callable(getattr(spacy_bert, name)) for name in spacy_bert.__all__)


def test_the_version_is_that_of_the_project():
    tomllib = pytest.importorskip("tomllib", reason="comes with Python 3.11")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    assert spacy_bert.__version__ == tomllib.loads(text)["project"]["version"]
    assert "__version__" in dir(spacy_bert)


def test_the_configs_are_complete():
    """They name what is there, and nothing is left to fill."""
    config = spacy.util.load_config(ROOT / "configs" / "train.cfg")
    nlp = spacy.util.load_model_from_config(config, auto_fill=False, validate=True)
    assert nlp.pipe_names == ["bert_encoder", "textcat", "ner", "spancat"]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("pretrain*.cfg")))
def test_the_configs_of_pretraining_make_runs(path, checkpoint):
    overrides = {}
    if path.stem == "pretrain-continue":
        overrides = {"paths.corpus": "texts.txt", "paths.checkpoint": str(checkpoint)}
    sections = spacy.util.load_config(path, overrides, interpolate=True)
    sections["pretraining"]["max_length"] = 32
    PretrainingConfig.from_dict(sections)


def test_both_configs_describe_the_same_encoder():
    train = spacy.util.load_config(ROOT / "configs" / "train.cfg")
    pretrain = spacy.util.load_config(ROOT / "configs" / "pretrain.cfg")
    encoder = train["components"]["bert_encoder"]["model"]
    for name, value in pretrain["model"].items():
        if not name.endswith("dropout_prob"):
            assert encoder[name] == value, name


@pytest.mark.slow
def test_the_wheel_holds_every_module(tmp_path):
    names = zipfile.ZipFile(build_project(tmp_path)).namelist()
    packed = {name for name in names if ".dist-" not in name}
    source = (ROOT / "spacy_bert").rglob("*.py")
    expected = {path.relative_to(ROOT).as_posix() for path in source}
    page = {
        "spacy_bert/pages/page.css",
        "spacy_bert/pretraining/report/page.js",
        "spacy_bert/tasks/mistakes/page.css",
    }
    assert packed == expected | page | {"spacy_bert/py.typed"}
