"""`doc._.trf_data`, next to what spacy-transformers sets for the same weights."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from transformers_toys import HEADS, TEXTS, transformer_config

from spacy_bert import add_encoder
from spacy_bert.pipeline import trf_data

TEXTS = [*TEXTS, "unaffable  1,234 Näive\n\n cats", "", " "]


@pytest.fixture
def installed():
    pytest.importorskip("spacy_transformers")


@pytest.fixture
def theirs(installed, random_bert_path):
    """make(window) -> a pipeline of spacy-transformers, its windows of so many tokens,
    without overlap."""

    def make(window):
        spans = "spacy-transformers.strided_spans.v1"
        config = transformer_config(
            random_bert_path,
            get_spans={"@span_getters": spans, "window": window, "stride": window},
        )
        nlp = spacy.blank("xx")
        nlp.add_pipe("transformer", config=config).model.initialize()
        return nlp

    return make


def make_ours(path, **settings):
    nlp = spacy.blank("xx")
    add_encoder(nlp, path, trf_data=True, **settings)
    return nlp


pytestmark = pytest.mark.spacy_transformers


def test_one_window_is_that_of_spacy_transformers(theirs, random_bert_path):
    old, new = theirs(128), make_ours(random_bert_path)
    for text in TEXTS[:-2]:
        one, other = old(text)._.trf_data, new(text)._.trf_data
        assert type(one) is type(other)
        assert other.wordpieces.strings == one.wordpieces.strings
        assert other.wordpieces.lengths == one.wordpieces.lengths
        for name in ("input_ids", "attention_mask", "token_type_ids"):
            found, expected = (getattr(x.wordpieces, name) for x in (other, one))
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
        np.testing.assert_array_equal(other.align.dataXd, one.align.dataXd)
        np.testing.assert_array_equal(other.align.lengths, one.align.lengths)
        assert {*other.model_output} == {*one.model_output}
        for key, expected in one.model_output.items():
            np.testing.assert_allclose(other.model_output[key], expected, atol=1e-5)


def test_windows_of_a_long_doc_are_in_order(installed, random_bert_path):
    """Their mean over a token's pieces is the token's vector, in any batch."""
    nlp = make_ours(random_bert_path, window_width=9, window_overlap=2)
    texts = [f"{TEXTS[1]} {TEXTS[0]}", TEXTS[2], f"{TEXTS[3]} {TEXTS[1]}"]
    for doc in nlp.pipe(texts):
        data = doc._.trf_data
        hidden = data.model_output.last_hidden_state
        assert len(hidden) == len(data.wordpieces.strings) > 1
        assert hidden.shape[1] == max(data.wordpieces.lengths)
        flat = hidden.reshape(-1, hidden.shape[-1])
        strings = [piece for row in data.wordpieces.strings for piece in row]
        n_before = 0
        for token, n_pieces in zip(doc, data.align.lengths, strict=True):
            rows = data.align.dataXd[n_before : n_before + n_pieces]
            n_before += n_pieces
            vector = flat[rows].mean(axis=0)
            np.testing.assert_allclose(token.vector, vector, atol=1e-5)
            pieces = "".join(strings[row].removeprefix("##") for row in rows)
            # Twice in the overlap of two windows.
            assert pieces in (token.lower_, 2 * token.lower_)
        firsts = [row[1] for row in data.wordpieces.strings]
        assert firsts[0] == doc[0].lower_[: len(firsts[0])]
        for row, n in zip(
            data.wordpieces.strings, data.wordpieces.lengths, strict=True
        ):
            assert row[0] == "[CLS]" and row[n - 1] == "[SEP]"
            assert {*row[n:]} <= {"[PAD]"}


def test_docs_without_pieces_have_data_too(installed, random_bert_path):
    nlp = make_ours(random_bert_path)
    empty, blank = nlp.pipe(TEXTS[-2:])
    assert len(empty._.trf_data.align.lengths) == 0
    assert blank._.trf_data.model_output.last_hidden_state.shape == (1, 1, 32)
    assert not blank._.trf_data.model_output.last_hidden_state.any()


def test_a_component_that_reads_it_predicts_the_same(
    theirs, random_bert_path, tmp_path
):
    """As one that a listener of spacy-transformers is in, behind another encoder."""
    old = theirs(128)
    tagger = old.add_pipe("tagger", config=HEADS["tagger"])
    for label in ("X", "O"):
        tagger.add_label(label)
    old.initialize()
    new = make_ours(random_bert_path)
    for text in TEXTS[:-2]:
        expected = tagger.model.predict([old(text)])[0]
        np.testing.assert_allclose(
            tagger.model.predict([new(text)])[0], expected, atol=1e-5
        )


def test_it_is_off_by_default_and_saved_with_the_pipeline(
    installed, random_bert_path, tmp_path
):
    nlp = spacy.blank("xx")
    add_encoder(nlp, random_bert_path)
    trf_data.check_installed("x")
    assert nlp(TEXTS[0])._.trf_data is None
    nlp = make_ours(random_bert_path)
    nlp.to_disk(tmp_path / "saved")
    again = spacy.load(tmp_path / "saved")
    doc = again(TEXTS[0])
    copy = Doc(nlp.vocab).from_bytes(doc.to_bytes(exclude=["user_hooks"]))
    np.testing.assert_array_equal(
        copy._.trf_data.model_output["last_hidden_state"],
        doc._.trf_data.model_output.last_hidden_state,
    )


def test_without_spacy_transformers_it_says_what_to_install(checkpoint, monkeypatch):
    monkeypatch.setattr(trf_data, "_PACKAGE", "no_such_package")
    with pytest.raises(ValueError, match=r"components.bert_encoder.*\[transformers\]"):
        make_ours(checkpoint)
