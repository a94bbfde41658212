"""Continuing the pretraining of a BERT whose tokenizer is not WordPiece."""

import pytest
from other_models import edit_json, make_bpe, make_checkpoint, make_unigram
from transformers import AutoTokenizer, BertForMaskedLM, pipeline

from spacy_bert import pretrain
from spacy_bert.checkpoint.loading import load_mlm_model, load_pretraining_model
from spacy_bert.pretraining.fill_mask import fill_mask
from spacy_bert.tokenization import load_tokenizer


def quiet(message):
    pass


@pytest.fixture(params=[make_unigram, make_bpe])
def other(request, tmp_path):
    return make_checkpoint(tmp_path / "other", make=request.param)


@pytest.fixture
def continued(settings, make_config, other):
    """continued(masking="words") -> a config."""
    settings["model"], settings["vocabulary"] = {}, {}

    def make(vocabulary=None, corpus=None, **pretraining):
        pretraining = {"checkpoint": str(other), "next_sentence": "none"} | pretraining
        return make_config(
            pretraining=pretraining, vocabulary=vocabulary or {}, corpus=corpus or {}
        )

    return make


@pytest.mark.parametrize("masking", ["pieces", "words"])
def test_pretraining_goes_on(continued, other, tmp_path, masking):
    corpus = {"sentences": "sentencizer"} if masking == "words" else {}
    config = continued(corpus=corpus, masking=masking)
    pretrain(config, tmp_path / "out", write=quiet)
    saved = tmp_path / "out" / "model-best"
    _, tokenizer = load_pretraining_model(saved)
    text = "The cat sat on the mat."
    theirs = AutoTokenizer.from_pretrained(saved)
    assert theirs(text).input_ids[1:-1] == tokenizer.encode(text).ids.tolist()
    assert tokenizer.pieces == load_tokenizer(other).pieces
    BertForMaskedLM.from_pretrained(saved)


def test_masks_are_filled_as_transformers_fills_them(other):
    # As these models have it: a mask is a word, with the space before it.
    description = load_tokenizer(other).description.replace(
        '"lstrip": false', '"lstrip": true'
    )
    (other / "tokenizer.json").write_text(description, encoding="utf8")
    edit_json(other / "tokenizer_config.json", mask_token="<mask>")
    theirs = AutoTokenizer.from_pretrained(other)
    guesser = pipeline(
        "fill-mask",
        model=BertForMaskedLM.from_pretrained(other),
        tokenizer=theirs,
        framework="pt",
    )
    expected = guesser("The cat <mask> here.", top_k=5)
    model, tokenizer, _ = load_mlm_model(other)
    (guesses,) = fill_mask(model, tokenizer, "The cat [MASK] here.", top_k=5)
    ids = [tokenizer.pieces.index(guess.piece) for guess in guesses]
    assert ids == [guess["token"] for guess in expected]
    probs = [guess["score"] for guess in expected]
    assert [guess.prob for guess in guesses] == pytest.approx(probs, abs=1e-5)


def test_pieces_cannot_be_added(continued, tmp_path):
    config = continued(vocabulary={"extend_vocab": 5})
    with pytest.raises(ValueError, match="extend_vocab: expected 0.*not WordPiece"):
        pretrain(config, tmp_path / "out", write=quiet)


def test_pairs_of_another_form_are_refused(continued, tmp_path):
    config = continued(next_sentence="nsp")
    with pytest.raises(ValueError, match="next_sentence: expected 'none', as the chec"):
        pretrain(config, tmp_path / "out", write=quiet)


def test_a_missing_mask_is_named(continued, other, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        file = other / name
        file.write_text(file.read_text("utf8").replace("<mask>", "<hide>"), "utf8")
    edit_json(other / "tokenizer_config.json", mask_token=None)
    with pytest.raises(ValueError, match=r"a piece for masks.*mask_token"):
        pretrain(continued(), tmp_path / "out", write=quiet)
