"""Texts of any kind: none may be refused, and none may change another's vectors."""

import numpy as np
import pytest
import spacy
from fuzzing import AMOUNTS, fuzz
from hypothesis import strategies as st

from spacy_bert import add_encoder
from spacy_bert.checkpoint.saving import save_checkpoint

# Planes of Unicode, what breaks lines, joins, marks, hides or reverses, case that
# changes lengths, special pieces, and the separator of pairs.
CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("\x00\x1e\x1f\u0085\u2028\u200d\u0301\u202e\ufeff\ufffeİßŉﬀ中가 "),
    st.sampled_from(
        ["the ", "cat", "[MASK]", "[SEP]", "!?", "\r\n", "\x1e\x1e", "👩‍👧"]
    ),
)
TEXTS = st.lists(st.lists(CHARACTERS, max_size=60).map("".join), min_size=1, max_size=4)


@pytest.fixture
def pipeline(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path / "valid", pretraining_model, tokenizer)
    nlp = spacy.blank("xx")
    add_encoder(nlp, tmp_path / "valid")
    return nlp


@pytest.mark.parametrize("n_inputs", AMOUNTS)
def test_texts(pipeline, n_inputs):
    def read(texts):
        for text, doc in zip(texts, pipeline.pipe(texts), strict=True):
            alone = pipeline(text)
            assert doc.text == text
            assert doc.tensor.shape == (len(doc), 16)
            np.testing.assert_allclose(doc.tensor, alone.tensor, atol=1e-5)
            np.testing.assert_allclose(doc._.bert_cls, alone._.bert_cls, atol=1e-5)

    outcomes = fuzz(TEXTS, read, n_inputs=n_inputs, names="")
    assert outcomes["refused"] == 0
