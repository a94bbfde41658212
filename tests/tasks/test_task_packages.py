"""Every task's pipeline as a wheel, in an environment that has our code from wheels."""

import json
import shutil
import subprocess
import zipfile

import pytest
import spacy
from environments import build_project, make_environment, package_pipeline, pip
from spacy.training import Example
from task_toys import SCORES, make_docs

from spacy_bert.tasks.starter_config import TASKS, task_config

# What the environment prints; -I keeps this folder out of it.
PREDICT = """
import importlib.metadata, json, sys, spacy, spacy_bert
found = {"spacy_bert": spacy_bert.__file__}
for task, texts in json.loads(sys.argv[1]).items():
    nlp = spacy.load(f"en_{task}")
    found[task] = {
        "path": str(nlp.path),
        "requires": importlib.metadata.requires(f"en_{task}"),
        "docs": [doc.to_json() for doc in nlp.pipe(texts)],
    }
print(json.dumps(found))
"""


@pytest.mark.slow
# spaCy's packaging leaves files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_task_predicts_the_same_elsewhere(tmp_path, checkpoint, spacy_train):
    pipelines, texts, expected = {}, {}, {}
    for task in TASKS:
        docs = make_docs(spacy.blank("xx"), task)
        config = task_config(checkpoint, task=task)
        _, pipelines[task] = spacy_train(config, docs, name=task, settings=LEARN)
        nlp = spacy.load(pipelines[task])
        # Else all that is compared might be empty.
        scores = nlp.evaluate([Example(nlp.make_doc(d.text), d) for d in docs])
        assert all(scores[name] > 0.7 for name in SCORES[task]), (task, scores)
        texts[task] = [doc.text for doc in docs[:2]]
        expected[task] = [doc.to_json() for doc in nlp.pipe(texts[task])]
    wheels = [package_pipeline(path, task) for task, path in pipelines.items()]
    for wheel in wheels:
        files = zipfile.ZipFile(wheel)
        for name in files.namelist():
            assert bytes(tmp_path) not in files.read(name), (wheel, name)

    elsewhere = tmp_path / "elsewhere"
    python = make_environment(elsewhere)
    own = build_project(tmp_path)
    pip(python, "install", "--no-deps", "--ignore-installed", own)
    # Without an index, pip refuses a requirement that is not there.
    pip(python, "install", "--no-index", *wheels)
    command = [python, "-I", "-c", PREDICT, json.dumps(texts)]
    found = json.loads(subprocess.check_output(command, cwd=elsewhere))
    assert found["spacy_bert"].startswith(str(elsewhere))
    for task, docs in expected.items():
        assert found[task]["path"].startswith(str(elsewhere))
        assert any(name.startswith("spacy-bert<") for name in found[task]["requires"])
        for ours, theirs in zip(docs, found[task]["docs"], strict=True):
            assert theirs.pop("cats", {}) == pytest.approx(ours.pop("cats", {}))
            assert theirs == ours


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_of_two_wheels_is_all_that_is_needed(tmp_path, nlp, capfd):
    """As docs/packaging.md says, if the other packages are there already."""
    nlp.to_disk(tmp_path / "pipeline")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    shutil.copy(package_pipeline(tmp_path / "pipeline", "demo"), wheels)
    elsewhere = tmp_path / "elsewhere"
    python = make_environment(elsewhere, without="spacy_bert")
    install = ["install", "--no-index", "--find-links", wheels, "xx-demo"]
    with pytest.raises(subprocess.CalledProcessError):
        pip(python, *install)
    assert "requirement spacy-bert" in capfd.readouterr().err.replace("_", "-")
    build_project(wheels)
    pip(python, *install)
    code = """
import spacy, spacy_bert
print(spacy_bert.__file__)
print(spacy.load("xx_demo")("the cat sat").tensor.shape)
"""
    found = subprocess.check_output(
        [python, "-I", "-c", code], cwd=elsewhere, text=True
    )
    path, shape = found.splitlines()
    assert path.startswith(str(elsewhere)) and shape == "(3, 16)"


LEARN = {
    "training.max_steps": 60,
    "training.eval_frequency": 60,
    "training.optimizer.learn_rate": 0.01,
}
