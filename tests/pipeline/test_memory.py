"""Memory: what loading a pipeline takes, and what a change of its file does."""

import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from spacy_bert import add_encoder, checkpoint

LOAD = """
import re, sys
import spacy

def peak():
    # Not ru_maxrss, which a process has from the one that started it.
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

spacy.blank("en")
before = peak()
nlp = spacy.load(sys.argv[1])
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_loading_takes_little_more_than_the_weights(minilm_path, tmp_path):
    nlp = spacy.blank("en")
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
    weights = tmp_path / "nlp" / "bert_encoder" / "model" / "model.safetensors"

    def is_mapped():
        return str(weights) in Path("/proc/self/maps").read_text()

    copied = spacy.load(tmp_path / "nlp")
    assert not is_mapped()
    monkeypatch.setattr(checkpoint, "MAPPED_ABOVE", weights.stat().st_size - 1)
    mapped = spacy.load(tmp_path / "nlp")
    assert is_mapped()
    assert (mapped("the cat").tensor == copied("the cat").tensor).all()
