"""The project's wheel, and the wheel of a pipeline, in environments of their own."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import spacy

from spacy_bert import add_encoder
from spacy_bert.checkpoint import save_checkpoint

ROOT = Path(__file__).parents[1]
TEXT = "the cat sat on the river bank"

# What an environment prints of an installed pipeline; -I keeps this folder out of it.
PREDICT = f"""
import json, spacy
nlp = spacy.load("en_toy")
doc = nlp({TEXT!r})
print(json.dumps({{"path": str(nlp.path), "tensor": doc.tensor.tolist()}}))
"""


def test_the_configs_are_complete():
    """They name what is there, and nothing is left to fill."""
    config = spacy.util.load_config(ROOT / "configs" / "train.cfg")
    nlp = spacy.util.load_model_from_config(config, auto_fill=False, validate=True)
    assert nlp.pipe_names == ["bert_encoder", "textcat", "ner", "spancat"]


def test_both_configs_describe_the_same_encoder():
    train = spacy.util.load_config(ROOT / "configs" / "train.cfg")
    pretrain = spacy.util.load_config(ROOT / "configs" / "pretrain.cfg")
    encoder = train["components"]["bert_encoder"]["model"]
    for name, value in pretrain["model"].items():
        if not name.endswith("dropout_prob"):
            assert encoder[name] == value, name


@pytest.mark.slow
def test_the_wheel_holds_every_module(tmp_path):
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("spacy_bert-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if ".dist-" not in name}
    source = (ROOT / "spacy_bert").rglob("*.py")
    expected = {path.relative_to(ROOT).as_posix() for path in source}
    page = {f"spacy_bert/pretraining/report/page.{kind}" for kind in ("css", "js")}
    assert packed == expected | page | {"spacy_bert/py.typed"}


@pytest.mark.slow
def test_a_packaged_pipeline_predicts_the_same_elsewhere(
    tmp_path, pretraining_model, wordpiece
):
    checkpoint = tmp_path / "training_machine" / "checkpoint"
    save_checkpoint(checkpoint, pretraining_model.encoder, wordpiece)
    nlp = spacy.blank("en")
    add_encoder(nlp, checkpoint)
    expected = nlp(TEXT).tensor.tolist()
    nlp.to_disk(tmp_path / "pipeline")
    wheel = package(tmp_path / "pipeline", tmp_path / "packages")

    files = zipfile.ZipFile(wheel)
    metadata = next(name for name in files.namelist() if name.endswith("METADATA"))
    assert "Requires-Dist: spacy-bert" in files.read(metadata).decode()
    for name in files.namelist():
        assert b"training_machine" not in files.read(name), name

    python = make_environment(tmp_path / "elsewhere")
    pip(python, "install", "--no-deps", wheel)
    output = subprocess.run(
        [python, "-I", "-c", PREDICT], capture_output=True, text=True, check=True
    ).stdout
    found = json.loads(output)
    assert found["path"].startswith(str(tmp_path / "elsewhere"))
    for ours, theirs in zip(expected, found["tensor"], strict=True):
        assert theirs == pytest.approx(ours, abs=1e-6)


def package(pipeline, folder):
    folder.mkdir()
    command = [sys.executable, "-m", "spacy", "package", pipeline, folder]
    subprocess.run([*command, "--name", "toy", "--build", "wheel"], check=True)
    (wheel,) = folder.rglob("*.whl")
    return wheel


def make_environment(path):
    """A virtual environment that borrows the large packages of this one."""
    venv.create(path, with_pip=True)
    python = path / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run(
        [python, "-c", query], capture_output=True, text=True, check=True
    ).stdout.strip()
    ours = sysconfig.get_path("purelib")
    lines = [f"import site; site.addsitedir({ours!r})", str(ROOT)]
    Path(site, "borrowed.pth").write_text("\n".join(lines) + "\n")
    return python


def pip(python, *args):
    command = [python, "-m", "pip", "--quiet", *args]
    subprocess.run([str(part) for part in command], check=True)
