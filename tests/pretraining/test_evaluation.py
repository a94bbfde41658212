"""Held-out metrics, the unigram loss and the guesses for [MASK]."""

from math import exp, log

import numpy as np
import pytest
import torch
from toy_corpus import make_split

from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining.evaluation import (
    evaluate,
    held_out_batches,
    unigram_log_probs,
)
from spacy_bert.pretraining.fill_mask import fill_mask
from spacy_bert.pretraining.instances.batches import BatchReader
from spacy_bert.pretraining.training_config import TrainingConfig


@pytest.fixture
def model(pieces):
    torch.manual_seed(0)
    model = BertForPretraining(
        BertConfig(
            vocab_size=pieces.n_pieces + 3,
            hidden_width=16,
            n_layers=1,
            n_heads=2,
            intermediate_width=32,
            max_positions=32,
        )
    )
    model.initialize_weights()
    return model


@pytest.fixture
def batches(split, pieces):
    split.piece_ids[:] = split.piece_ids % 10 + 5
    reader = BatchReader(split, pieces, TrainingConfig(batch_size=32, max_length=32))
    return held_out_batches(reader, 200)


def test_unigrams_by_hand():
    split = make_split([[3], [1]])
    split.piece_ids[:] = [5, 5, 6, 5]
    log_probs = unigram_log_probs(split, 8)
    assert log_probs.tolist() == pytest.approx(
        [log(n / 12) for n in (1, 1, 1, 1, 1, 4, 2, 1)]
    )


def test_a_model_that_knows_frequencies_alone_has_the_unigram_loss(
    model, batches, split
):
    log_probs = unigram_log_probs(split, model.config.vocab_size)
    with torch.no_grad():
        model.encoder.embeddings.pieces.weight.zero_()
        model.mlm.bias.copy_(log_probs)
    result = evaluate(model, batches, log_probs)
    assert result.mlm_loss == pytest.approx(result.unigram_loss, abs=1e-5)
    assert result.perplexity == pytest.approx(exp(result.mlm_loss))
    assert result.n_instances == 200
    assert result.nsp.random_ratio == pytest.approx(0.5, abs=0.1)


def test_evaluation_changes_nothing_and_repeats(model, batches, split):
    log_probs = unigram_log_probs(split, model.config.vocab_size)
    generator = torch.get_rng_state()
    first = evaluate(model, batches, log_probs)
    assert torch.equal(generator, torch.get_rng_state())
    assert first == evaluate(model, batches, log_probs)


def test_means_do_not_depend_on_the_batches(model, split, pieces):
    split.piece_ids[:] = split.piece_ids % 10 + 5
    log_probs = unigram_log_probs(split, model.config.vocab_size)
    results = []
    for batch_size in (7, 100):
        config = TrainingConfig(batch_size=batch_size, max_length=32)
        reader = BatchReader(split, pieces, config)
        results.append(evaluate(model, held_out_batches(reader, 100), log_probs))
    assert results[0].mlm_loss == pytest.approx(results[1].mlm_loss, abs=1e-5)
    assert results[0].nsp.accuracy == pytest.approx(results[1].nsp.accuracy)


def test_single_segments_have_no_scores_of_pairs(model, split, pieces):
    split.piece_ids[:] = split.piece_ids % 10 + 5
    log_probs = unigram_log_probs(split, model.config.vocab_size)
    losses = {}
    for task in ("none", "sop"):
        config = TrainingConfig(next_sentence=task, max_length=32)
        batches = held_out_batches(BatchReader(split, pieces, config), 50)
        losses[task] = evaluate(model, batches, log_probs)
    assert losses["none"].nsp is None and losses["none"].mlm_loss > 0
    assert 0.3 < losses["sop"].nsp.random_ratio < 0.7


def test_held_out_text_is_read_in_the_length_of_the_first_phase(split, pieces):
    split.piece_ids[:] = 7
    config = TrainingConfig(max_length=16, final_max_length=32)
    batches = held_out_batches(BatchReader(split, pieces, config), 100)
    assert max(max(batch.packed.lengths) for batch in batches) == 16


def test_text_of_unknown_pieces_cannot_be_evaluated(model, split, pieces):
    split.piece_ids[:] = pieces.unk_id
    reader = BatchReader(split, pieces, TrainingConfig(max_length=32))
    with pytest.raises(ValueError, match="no piece to predict"):
        evaluate(model, held_out_batches(reader, 10), torch.zeros(40))


def test_masks_are_filled(model, pieces):
    cat = pieces.pieces.index("cat")
    with torch.no_grad():
        model.mlm.bias[cat] = 9.0
    first, second = fill_mask(model, pieces, "the [MASK] sat on[MASK].", top_k=3)
    assert first[0].piece == second[0].piece == "cat"
    assert first[0].prob > 0.9 and len(first) == 3
    assert np.isclose(
        sum(g.prob for g in fill_mask(model, pieces, "[MASK]", top_k=99)[0]), 1.0
    )


def test_texts_that_cannot_be_filled(model, pieces):
    with pytest.raises(ValueError, match=r"with \[MASK\] in it, got 'the cat'"):
        fill_mask(model, pieces, "the cat")
    with pytest.raises(ValueError, match="at most 32 pieces.* got 43"):
        fill_mask(model, pieces, "[MASK] " + "cat " * 40)
