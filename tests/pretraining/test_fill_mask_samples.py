"""The texts that a run is asked at each save."""

import json

import numpy as np
import pytest
import torch
from toy_corpus import PIECES

from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.corpus.index.files import CorpusSplit
from spacy_bert.corpus.index.offsets import Offsets
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.fill_mask import fill_mask
from spacy_bert.pretraining.fill_mask_samples import (
    N_SAMPLES,
    answer_samples,
    make_samples,
)
from spacy_bert.pretraining.training_config import TrainingConfig


def quiet(text: str) -> None:
    pass


@pytest.fixture
def held_out() -> CorpusSplit:
    """Sentences with words of several pieces, of all lengths, some with [UNK]."""
    sentences = [
        "the cat sat on the river bank .".split(),
        "the dog was un ##aff ##able and ran .".split(),
        "a cat ##s [UNK] ran to the money .".split(),
        "the cat .".split(),
        ("the " * 30).split(),
        "un ##aff ##able un ##aff ##able ! ! ! !".split(),
    ] * 3
    ids = [PIECES.index(piece) for sentence in sentences for piece in sentence]
    offsets = np.cumsum([0, *map(len, sentences)])
    return CorpusSplit(
        piece_ids=np.array(ids, dtype=np.uint16),
        sentence_offsets=Offsets(offsets),
        document_offsets=Offsets([0, len(sentences)]),
    )


def test_held_out_sentences_are_asked_where_none_are_given(held_out, pieces):
    samples = make_samples(TrainingConfig(), held_out, pieces, max_pieces=32)
    assert len(samples) == N_SAMPLES
    for sample in samples:
        (position,) = np.flatnonzero(np.array(sample.piece_ids) == pieces.mask_id)
        whole = [pieces.pieces[i] for i in sample.piece_ids]
        assert not whole[position + 1].startswith("##") and "[UNK]" not in whole
        whole[position] = sample.answer
        text = " ".join(whole[1:-1])
        assert text.startswith(("the cat sat on the river", "the dog was un ##aff"))
        assert sample.answer.isalpha()
        assert "[MASK]" in sample.text and "##" not in sample.text
    again = make_samples(TrainingConfig(), held_out, pieces, max_pieces=32)
    assert again == samples
    other = make_samples(TrainingConfig(seed=1), held_out, pieces, max_pieces=32)
    assert other != samples
    assert make_samples(TrainingConfig(), held_out, pieces, max_pieces=8) == []


def test_given_texts_are_asked_as_fill_mask_does(
    held_out, pieces, tmp_path, make_config
):
    texts = ["the [MASK] sat on the [MASK]", "a [MASK]"]
    config = make_config(pretraining={"fill_mask_samples": texts})
    pretrain(config, tmp_path / "out", write=quiet)
    lines = (tmp_path / "out" / "fills.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == [0, 2, 4, 6]
    model, tokenizer = load_pretraining_model(tmp_path / "out" / "model-last")
    for fill, text in zip(rows[-1]["fills"], texts, strict=True):
        assert fill["text"] == text and fill["answer"] is None
        expected = fill_mask(model, tokenizer, text)
        for ours, theirs in zip(fill["guesses"], expected, strict=True):
            assert [piece for piece, _ in ours] == [guess.piece for guess in theirs]
            probs = [guess.prob for guess in theirs]
            assert [prob for _, prob in ours] == pytest.approx(probs, abs=1e-5)


def test_asking_changes_nothing(held_out, pieces, pretraining_model):
    samples = make_samples(TrainingConfig(), held_out, pieces, max_pieces=32)
    chance = torch.get_rng_state()
    first = answer_samples(pretraining_model, pieces, samples)
    assert torch.equal(chance, torch.get_rng_state())
    assert first == answer_samples(pretraining_model, pieces, samples)


def test_a_text_that_is_too_long_is_refused_before_the_first_step(
    tmp_path, make_config
):
    config = make_config(pretraining={"fill_mask_samples": ["[MASK] " + "cat " * 40]})
    with pytest.raises(ValueError, match="at most 32 pieces.* got 43"):
        pretrain(config, tmp_path / "out", write=quiet)
    assert not (tmp_path / "out" / "model-last").exists()
