"""An encoder whose tokenizer is not WordPiece, against the installed `transformers`."""

import numpy as np
import pytest
import spacy
import torch
from odd_texts import ODD_TEXTS
from other_models import make_bpe, make_checkpoint, make_unigram
from transformers import AutoTokenizer, BertModel, BertTokenizerFast

from spacy_bert import add_encoder, make_pair_doc
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.tokenization import load_tokenizer


@pytest.fixture(params=[make_unigram, make_bpe])
def checkpoint(request, tmp_path):
    return make_checkpoint(tmp_path / "checkpoint", make=request.param)


@pytest.fixture
def nlp(checkpoint):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, pair_separator="\x1e")
    return nlp


def expected_vectors(checkpoint, doc, *texts, shift=0):
    """[CLS], and for each token the mean of the pieces that share a character with it.

    shift: of the second text's characters in the Doc.
    """
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = BertModel.from_pretrained(checkpoint, add_pooling_layer=False).eval()
    encoded = tokenizer(*texts, return_offsets_mapping=True, return_tensors="pt")
    offsets, segments = encoded.pop("offset_mapping")[0], encoded.sequence_ids()
    with torch.no_grad():
        hidden = model(**encoded).last_hidden_state[0].numpy()
    tokens = []
    for token in doc:
        start, end = token.idx, token.idx + len(token)
        shared = [
            hidden[i]
            for i, (first, stop) in enumerate(offsets.tolist())
            if segments[i] is not None
            and first + shift * segments[i] < end
            and stop + shift * segments[i] > start
        ]
        tokens.append(np.mean(shared or [np.zeros(16)], axis=0))
    return hidden[0], np.array(tokens).reshape(-1, 16)


def test_the_vectors_are_those_of_transformers(checkpoint, nlp):
    tokenizer = load_tokenizer(checkpoint)
    # Those of one window and one segment.
    lengths = {
        text: len(ids)
        for text, ids in zip(ODD_TEXTS, tokenizer.encode_ids(ODD_TEXTS), strict=True)
    }
    texts = [text for text, n in lengths.items() if 0 < n < 31 and "\x1e" not in text]
    assert len(texts) > 10
    for text in texts:
        doc = nlp(text)
        cls, tokens = expected_vectors(checkpoint, doc, text)
        np.testing.assert_allclose(doc._.bert_cls, cls, atol=1e-5, err_msg=text)
        np.testing.assert_allclose(doc.tensor, tokens, atol=1e-5, err_msg=text)


@pytest.mark.parametrize("first", ["The cat sat.", "cat ", "a  b"])
@pytest.mark.parametrize("second", ["on the mat", " mat", "x"])
def test_pairs_are_written_as_the_tokenizer_writes_them(checkpoint, nlp, first, second):
    doc = nlp(make_pair_doc(nlp, first, second))
    shift = len(first) + 1
    cls, tokens = expected_vectors(checkpoint, doc, first, second, shift=shift)
    np.testing.assert_allclose(doc._.bert_cls, cls, atol=1e-5)
    borders = [token.i for token in doc if token.text == "\x1e"]
    assert not doc.tensor[borders].any()
    np.testing.assert_allclose(doc.tensor, tokens, atol=1e-5)


def test_a_long_pair_has_as_many_separators_in_each_window(checkpoint):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, pair_separator="\x1e", window_width=12)
    doc = nlp(make_pair_doc(nlp, "a", "b " * 40))
    assert np.isfinite(doc.tensor).all() and doc.tensor[2:].any(axis=1).all()


def test_a_window_too_narrow_for_a_pair_is_refused(checkpoint):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, pair_separator="\x1e", window_width=5)
    with pytest.raises(ValueError, match="window_width: expected at least 6"):
        nlp(make_pair_doc(nlp, "a", "b"))


def test_it_survives_saving(nlp, tmp_path):
    expected = nlp("The cat sat.").tensor
    nlp.to_disk(tmp_path / "saved")
    assert (spacy.load(tmp_path / "saved")("The cat sat.").tensor == expected).all()
    again = spacy.blank("xx")
    model = nlp.get_pipe_config("bert_encoder")["model"]
    again.add_pipe("bert_encoder", config={"model": model})
    again.from_bytes(nlp.to_bytes())
    assert (again("The cat sat.").tensor == expected).all()


def test_words_that_were_added_keep_their_vectors(checkpoint_with_words, tmp_path):
    text = "the covid19 cat [E1] sat"
    nlp = spacy.blank("xx")
    # Each as one token, as BERT has it.
    nlp.tokenizer.add_special_case("[E1]", [{"ORTH": "[E1]"}])
    add_encoder(nlp, checkpoint_with_words)
    nlp.to_disk(tmp_path / "saved")
    saved = spacy.load(tmp_path / "saved")
    inner = tmp_path / "saved" / "bert_encoder" / "model"
    for pipeline, path in ((nlp, checkpoint_with_words), (saved, inner)):
        doc = pipeline(text)
        assert [token.text for token in doc] == text.split()
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = BertModel.from_pretrained(path).eval()
        encoded = tokenizer(text, return_tensors="pt")
        assert encoded.input_ids.shape == (1, 7)
        with torch.no_grad():
            hidden = model(**encoded).last_hidden_state[0].numpy()
        np.testing.assert_allclose(doc.tensor, hidden[1:-1], atol=1e-5)


@pytest.fixture
def checkpoint_with_words(tmp_path, pretraining_model, tokenizer):
    path = tmp_path / "words"
    save_checkpoint(path, pretraining_model.encoder, tokenizer)
    theirs = BertTokenizerFast.from_pretrained(path)
    theirs.add_tokens(["covid19"])
    theirs.add_special_tokens({"additional_special_tokens": ["[E1]"]})
    model = BertModel.from_pretrained(path)
    model.resize_token_embeddings(len(theirs), mean_resizing=False)
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight[33:], std=2.0)
    model.save_pretrained(path)
    theirs.save_pretrained(path)
    return path
