"""Memory: what loading a pipeline takes, and what a change of its file does."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import spacy

from spacy_bert import add_encoder
from spacy_bert.checkpoint import weights
from spacy_bert.pipeline.engines import EngineName

LOAD = """
import re, sys
import spacy

def peak():
    # Not ru_maxrss, which a process has from the one that started it.
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

# What is imported does not count: torch imports its compiler when a model is made.
import spacy_bert.checkpoint.saving
import torch._dynamo
spacy.blank("xx").add_pipe("bert_encoder")
before = peak()
nlp = spacy.load(sys.argv[1])
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_loading_takes_little_more_than_the_weights(minilm_path, tmp_path):
    nlp = spacy.blank("xx")
    add_encoder(nlp, minilm_path)
    nlp.to_disk(tmp_path / "nlp")
    weights = tmp_path / "nlp" / "bert_encoder" / "model" / "model.safetensors"
    command = [sys.executable, "-W", "ignore", "-c", LOAD, str(tmp_path / "nlp")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # On top: the vocabulary, and queries, keys and values, which are joined.
    assert int(output) < 1.6 * weights.stat().st_size


def test_saving_over_its_own_file_harms_no_loaded_pipeline(nlp, tmp_path):
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    before = loaded("the cat sat").tensor
    loaded.to_disk(tmp_path / "nlp")
    nlp.to_disk(tmp_path / "nlp")
    assert (loaded("the cat sat").tensor == before).all()
    assert (spacy.load(tmp_path / "nlp")("the cat sat").tensor == before).all()


def change_bytes(path):
    """As `cp` of other weights does, or `rsync --inplace`."""
    with path.open("r+b") as file:
        file.seek(-1000, 2)
        file.write(b"\x3f" * 1000)


@pytest.mark.parametrize(
    "damage", [change_bytes, lambda path: path.write_bytes(b""), lambda p: p.unlink()]
)
@pytest.mark.parametrize("is_used", [False, True])
def test_what_becomes_of_the_file_changes_no_loaded_pipeline(
    nlp, tmp_path, damage, is_used
):
    before = nlp("the cat sat").tensor
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    if is_used:
        loaded("the dog")
    damage(tmp_path / "nlp" / "bert_encoder" / "model" / "model.safetensors")
    assert (loaded("the cat sat").tensor == before).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_weights_stay_in_their_file(nlp, tmp_path, monkeypatch):
    nlp.to_disk(tmp_path / "nlp")
    file = tmp_path / "nlp" / "bert_encoder" / "model" / "model.safetensors"

    def is_mapped():
        return str(file) in Path("/proc/self/maps").read_text()

    copied = spacy.load(tmp_path / "nlp")
    assert not is_mapped()
    monkeypatch.setattr(weights, "MAPPED_ABOVE", file.stat().st_size - 1)
    mapped = spacy.load(tmp_path / "nlp")
    assert is_mapped()
    assert (mapped("the cat").tensor == copied("the cat").tensor).all()


GROW = """
import contextlib, gc, logging, random, re, sys, warnings
import spacy, torch
from spacy.training import Example

system, mode, n_docs = sys.argv[1], sys.argv[2], int(sys.argv[3])
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
torch.set_num_threads(1)
rng = random.Random(0)

def megabytes():
    gc.collect()
    status = open("/proc/self/status").read()
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", status)[1]) / 1024

def texts(n):
    for _ in range(n):
        lengths = [rng.randint(2, 7) for _ in range(8)]
        yield " ".join("".join(rng.choices("abcdefghijklmnop", k=k)) for k in lengths)

nlp = spacy.blank("xx")
if system != "blank":
    sizes = {"hidden_width": 64, "n_layers": 2, "intermediate_width": 128}
    nlp.add_pipe("bert_encoder", config={"model": {**sizes, "engine": system}})
    if mode == "training":
        nlp.add_pipe("tagger", config={"model": {"tok2vec": {
            "@architectures": "spacy-bert.BertListener.v1", "width": 64}}})

def make_example(text):
    doc = nlp.make_doc(text)
    return Example.from_dict(doc, {"tags": ["AB"[len(t) % 2] for t in doc]})

def run(n):
    while n > 0:
        size = min(n, 1000)
        zone = nlp.memory_zone() if mode == "zone" else contextlib.nullcontext()
        with zone:
            if mode == "training":
                size = rng.randint(1, 60)
                nlp.update([make_example(t) for t in texts(size)], sgd=optimizer)
            elif mode == "alone":
                for text in texts(size):
                    nlp(text)
            else:
                for doc in nlp.pipe(texts(size), batch_size=rng.choice([100, 1000])):
                    doc = None
        n -= size

optimizer = nlp.initialize(lambda: map(make_example, texts(100)))
run(100)
before = megabytes()
run(n_docs)
print(megabytes() - before)
"""


def grown(system, mode, n_docs):
    """MB that a process has more after so many Docs of eight made-up words.

    system: "blank", or an encoder's engine.
    """
    command = [sys.executable, "-W", "ignore", "-c", GROW, system, mode, str(n_docs)]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "n_docs",
    [
        pytest.param(10_000, marks=pytest.mark.slow),
        pytest.param(100_000, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize(
    "engine, mode, limit",
    [
        ("torch", "batches", 60),
        ("torch", "alone", 60),
        ("torch", "training", 250),
        ("onnxruntime", "batches", 60),
        ("onnxruntime", "alone", 60),
    ],
)
def test_many_docs_take_little_more_than_in_a_blank_pipeline(
    n_docs, engine, mode, limit
):
    """torch's kernels for batches of all sizes would take 250 MB after 10,000, and 300
    MB after 2,000 in training, whose gradients have kernels of their own."""
    if mode == "training":
        n_docs //= 5
    assert grown(engine, mode, n_docs) < grown("blank", "batches", n_docs) + limit


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "n_docs",
    [
        pytest.param(10_000, marks=pytest.mark.slow),
        pytest.param(100_000, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("engine", get_args(EngineName))
def test_in_a_memory_zone_docs_take_little_more_than_in_a_blank_pipeline(
    n_docs, engine
):
    # Kernels of sizes that are rare. Blank spaCy itself takes 21 MB after 100,000,
    # because its tables of words keep the cells of those that are deleted.
    assert grown(engine, "zone", n_docs) < grown("blank", "zone", n_docs) + 15
