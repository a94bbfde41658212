"""What takes a checkpoint takes a name on the Hub, and keeps it as it was given."""

import json

import pytest
import spacy
import torch
from safetensors.torch import load_file
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin

# Each starts another Python, as the client reads the Hub's address only once.
pytestmark = pytest.mark.slow

NAME = "org/name"

IN_SPACY = f"""
import numpy, spacy
from spacy.training import Example
from spacy_bert import add_encoder
from spacy_bert.pipeline.from_checkpoint import read_architecture
from spacy_bert.checkpoint.resolving import resolve_checkpoint

def vectors(nlp):
    return nlp("the cat sat").tensor

folder = resolve_checkpoint("{NAME}")
added = spacy.blank("xx")
add_encoder(added, "{NAME}")
expected = spacy.blank("xx")
add_encoder(expected, folder)
assert (vectors(added) == vectors(expected)).all()

model = {{"@architectures": "spacy-bert.BertEncoder.v1", **read_architecture(folder)}}
config = {{
    "nlp": {{"lang": "en", "pipeline": ["bert_encoder"]}},
    "components": {{"bert_encoder": {{"factory": "bert_encoder", "model": model}}}},
    "initialize": {{"components": {{"bert_encoder": {{"checkpoint": "{NAME}"}}}}}},
}}
nlp = spacy.util.load_model_from_config(config, auto_fill=True)
nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("the cat"), {{}})])
assert (vectors(nlp) == vectors(expected)).all()

load = spacy.registry.callbacks.get("spacy-bert.load_checkpoint.v1")
own = spacy.blank("xx")
own.add_pipe("bert_encoder", config={{"model": model}})
load(components=["bert_encoder"], checkpoint="{NAME}")(own)
assert (vectors(own) == vectors(expected)).all()

nlp.to_disk("saved")
numpy.save("vectors.npy", vectors(nlp))
"""

LOAD = """
import numpy, spacy
nlp = spacy.load("saved")
assert (nlp("the cat sat").tensor == numpy.load("vectors.npy")).all()
print(nlp.config["initialize"]["components"]["bert_encoder"]["checkpoint"])
"""

RUN = """
import sys
from spacy_bert.cli import bert_cli
bert_cli({args!r})
"""

PRETRAIN = """
from pathlib import Path
from spacy_bert.pretraining import PretrainingConfig, pretrain
config = PretrainingConfig.from_dict({sections!r})
pretrain(config, Path({output!r}), resume={resume}, write=lambda text: None)
"""


@pytest.fixture
def command(hub):
    """command("fill-mask", NAME, ...) -> what is printed."""

    def run(*args, **variables):
        return hub.run(RUN.format(args=[str(arg) for arg in args]), **variables)

    return run


@pytest.fixture
def published(hub, bert_path):
    hub.add(NAME, bert_path)
    return bert_path


def test_an_encoder_of_a_pipeline(hub, published):
    hub.run(IN_SPACY)
    n_requests = len(hub.requests)
    (hub.home / "hub").rename(hub.home / "elsewhere")
    # A pipeline that is saved needs neither the Hub nor the cache.
    assert hub.run(LOAD) == NAME
    assert len(hub.requests) == n_requests


def test_configs_keep_the_name(hub, published, command):
    command("init-config", NAME, "train.cfg", "--pipeline", "bert_ner")
    command("init-config", f"{NAME}@main", "pretrain.cfg", "--pretraining")
    config = spacy.util.load_config(hub.folder / "train.cfg")
    assert config["paths"]["checkpoint"] == NAME
    config = spacy.util.load_config(hub.folder / "pretrain.cfg")
    assert config["paths"]["checkpoint"] == f"{NAME}@main"


def test_a_config_for_another_encoder(hub, published, command):
    init_config(pipeline=["ner"], silent=True).to_disk(hub.folder / "old.cfg")
    command("migrate", "old.cfg", "new.cfg", "--checkpoint", NAME)
    config = spacy.util.load_config(hub.folder / "new.cfg")
    assert config["paths"]["checkpoint"] == NAME
    assert config["components"]["bert_encoder"]["model"]["hidden_width"] == 8


def test_a_config_of_a_name_trains(hub, published, command):
    command("init-config", NAME, "train.cfg", "--task", "entities")
    nlp = spacy.blank("xx")
    doc = nlp("the cat sat on the bank .")
    doc.ents = [doc.char_span(4, 7, label="ANIMAL")]
    DocBin(docs=[doc]).to_disk(hub.folder / "docs.spacy")
    overrides = {
        "paths.train": "docs.spacy",
        "paths.dev": "docs.spacy",
        "training.max_steps": 1,
        "training.eval_frequency": 1,
    }
    hub.run(
        "from spacy.cli.train import train\n"
        f"train('train.cfg', 'out', overrides={overrides!r})",
        HF_HUB_OFFLINE="1",
    )
    meta = json.loads((hub.folder / "out" / "model-last" / "meta.json").read_text())
    assert meta["pipeline"] == ["bert_encoder", "bert_ner"]


def test_an_export_keeps_the_weights(hub, published, command):
    command("export", NAME, "exported")
    names = (published, hub.folder / "exported")
    one, other = (load_file(folder / "model.safetensors") for folder in names)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_commands_on_a_checkpoint(hub, published, command, corpus_path):
    guesses = command("fill-mask", NAME, "a [MASK] b")
    assert guesses == command("fill-mask", published, "a [MASK] b")

    def score(checkpoint):
        said = command("evaluate", checkpoint, corpus_path, "--n-instances", "4")
        return said[said.index("MLM loss") :]

    assert score(NAME) == score(published)


def test_a_run_begins_and_is_resumed_without_a_network(
    hub, published, settings, tmp_path
):
    output = tmp_path / "out"
    del settings["model"], settings["vocabulary"]
    settings["pretraining"] |= {"checkpoint": NAME, "max_steps": 2, "max_length": 32}

    def run(**variables):
        given = {"sections": settings, "output": str(output)}
        resume = bool(variables)
        hub.run(PRETRAIN.format(**given, resume=resume), **variables)
        log = (output / "log.jsonl").read_text().splitlines()
        return max(json.loads(row).get("step", 0) for row in log)

    assert run() == 2
    settings["pretraining"]["max_steps"] = 4
    n_requests = len(hub.requests)
    assert run(HF_HUB_OFFLINE="1") == 4
    assert len(hub.requests) == n_requests
    recorded = json.loads((output / "model-last" / "training_state.json").read_text())
    assert recorded["config"]["pretraining"]["checkpoint"] == NAME
    # Its weights are in the run, so the newest commit may have others.
    for file in hub.home.rglob("model.safetensors"):
        file.unlink()
    settings["pretraining"]["max_steps"] = 6
    assert run(HF_HUB_OFFLINE="1") == 6


def test_a_new_model_with_the_vocabulary_of_a_name(hub, published, settings, tmp_path):
    settings["vocabulary"] = {"path": NAME}
    settings["pretraining"]["max_steps"] = 1
    output = tmp_path / "out"
    given = {"sections": settings, "output": str(output), "resume": False}
    hub.run(PRETRAIN.format(**given))
    assert (output / "model-last" / "vocab.txt").read_bytes() == (
        (published / "vocab.txt").read_bytes()
    )
    assert "model.safetensors" not in hub.downloads()


def test_a_name_that_is_wrong_is_a_message(hub, published):
    for args in (
        ["fill-mask", "org/nmae", "a [MASK]"],
        ["evaluate", "org/nmae", "text.txt"],
        ["init-config", "org/nmae", "train.cfg"],
    ):
        result = hub.start(RUN.format(args=args))
        assert result.returncode == 1 and "Traceback" not in result.stderr
        assert "no such model there" in " ".join(result.stdout.split())
