"""Checkpoints in and out of transformers 5 and sentence-transformers 6.

.ci/peers makes the environment, in which spacy-transformers is absent.
"""

import subprocess
import sys

import numpy as np
import pytest
import spacy

from spacy_bert import add_encoder

pytestmark = pytest.mark.transformers_5

TEXTS = [
    "The cat sat on the river bank.",
    "Unaffable na\u00efve dogs ran; 1,234 of them!",
    "\u5317\u4eac and \u041c\u043e\u0441\u043a\u0432\u0430.",
]


@pytest.fixture(scope="module")
def transformers():
    module = pytest.importorskip("transformers")
    if int(module.__version__.split(".")[0]) < 5:
        pytest.skip("needs transformers 5")
    return module


def their_vectors(transformers, path, text):
    """The last layer, with [CLS] and [SEP], and the pieces."""
    model = transformers.AutoModel.from_pretrained(path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    inputs = tokenizer(text, return_tensors="pt")
    hidden = model(**inputs).last_hidden_state[0].detach().numpy()
    return hidden, tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])


def make_nlp(path):
    """Tokens are the words between spaces, so that their pieces are easily found."""
    nlp = spacy.blank("xx")
    nlp.tokenizer = spacy.tokenizer.Tokenizer(nlp.vocab)
    add_encoder(nlp, path)
    return nlp


def check_equal(transformers, nlp, path):
    for text in TEXTS:
        hidden, _ = their_vectors(transformers, path, text)
        doc = nlp(text)
        np.testing.assert_allclose(doc._.bert_cls, hidden[0], atol=1e-5)
        _, pieces = their_vectors(transformers, path, doc[0].text)
        n_pieces = len(pieces) - 2
        expected = hidden[1 : 1 + n_pieces].mean(axis=0)
        np.testing.assert_allclose(doc[0].vector, expected, atol=1e-5)


def test_what_transformers_5_saves_is_read(transformers, checkpoint, tmp_path):
    model = transformers.AutoModel.from_pretrained(checkpoint)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    path = tmp_path / "saved"
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    check_equal(transformers, make_nlp(path), path)


def test_transformers_5_reads_what_is_saved_here(transformers, checkpoint, tmp_path):
    nlp = make_nlp(checkpoint)
    check_equal(transformers, nlp, checkpoint)
    nlp.to_disk(tmp_path / "pipeline")
    check_equal(transformers, nlp, tmp_path / "pipeline" / "bert_encoder" / "model")


def test_sentence_transformers_reads_it_too(transformers, checkpoint):
    module = pytest.importorskip("sentence_transformers")
    model = module.SentenceTransformer(str(checkpoint), device="cpu")
    for text in TEXTS:
        hidden, _ = their_vectors(transformers, checkpoint, text)
        # Its default for a BERT without settings of its own: the mean of all pieces.
        np.testing.assert_allclose(model.encode(text), hidden.mean(axis=0), atol=1e-5)


def test_the_core_imports_no_transformers(transformers):
    """Which takes seconds."""
    code = (
        "import sys, spacy, spacy_bert; spacy.blank('en').add_pipe('bert_encoder'); "
        "print(*(name for name in sys.modules if 'transformers' in name))"
    )
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert found.split() == []
