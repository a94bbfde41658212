"""Memory: what loading a pipeline takes, and what stays in its file."""

import subprocess
import sys

import pytest
import spacy

from spacy_bert import add_encoder

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
print("model.safetensors" in open("/proc/self/maps").read())
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
    grown, is_mapped = output.split()
    assert is_mapped == "True"
    assert int(grown) < 1.3 * weights.stat().st_size


def test_saving_over_its_own_file_harms_no_loaded_pipeline(nlp, tmp_path):
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    before = loaded("the cat sat").tensor
    loaded.to_disk(tmp_path / "nlp")
    nlp.to_disk(tmp_path / "nlp")
    assert (loaded("the cat sat").tensor == before).all()
    assert (spacy.load(tmp_path / "nlp")("the cat sat").tensor == before).all()
