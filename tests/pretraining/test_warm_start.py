"""Embeddings from co-occurrences: by hand, and on pieces that form two groups."""

from math import log

import numpy as np
import pytest
import torch
from toy_corpus import make_split

from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.evaluation import unigram_log_probs
from spacy_bert.pretraining.training.initial_state import make_initial_state
from spacy_bert.pretraining.training.options import RunOptions
from spacy_bert.pretraining.training.warm_start import (
    count_pairs,
    positive_pmi,
    warm_start,
)


def test_pairs_by_hand():
    """a b a | b: within sentences only, in both orders, a with itself twice."""
    split = make_split([[3, 1]])
    split.piece_ids[:] = [0, 1, 0, 1]
    keys, counts = count_pairs(split, 2)
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == {0: 2, 1: 2, 2: 2}


def test_pairs_further_apart_than_the_window_do_not_count():
    split = make_split([[7]])
    keys, counts = count_pairs(split, 7)
    assert counts.sum() == 2 * (6 + 5 + 4 + 3 + 2)
    assert 0 * 7 + 5 in keys and 0 * 7 + 6 not in keys


def test_association_by_hand():
    """Pieces 0 and 1 occur once with each other; 2 and 3 three times."""
    pairs = np.array([1, 4, 11, 14]), np.array([1, 1, 3, 3])
    values = positive_pmi(pairs, 4).to_dense()
    total = 2 * 1 + 2 * 3**0.75
    assert values[0, 1].item() == pytest.approx(log(total))
    assert values[2, 3].item() == pytest.approx(log(total / 3**0.75))
    assert (values > 0).sum() == 4


def test_pieces_of_a_group_are_near_each_other(pieces):
    random = np.random.default_rng(0)
    split = make_split([[10]] * 200)
    groups = np.array([[5, 6, 7, 8, 9], [10, 11, 12, 13, 14]])
    sentences = random.permuted(np.tile(groups, (100, 2)), axis=1)
    split.piece_ids[:] = sentences.ravel()
    torch.manual_seed(0)
    config = BertConfig(vocab_size=pieces.n_pieces, hidden_width=16, n_heads=2)
    model = BertForPretraining(config)
    model.initialize_weights()
    before = model.encoder.embeddings.pieces.weight.detach().clone()
    log_probs = unigram_log_probs(split, pieces.n_pieces)
    warm_start(model, split, pieces, log_probs)
    after = model.encoder.embeddings.pieces.weight.detach()
    assert torch.equal(after[:5], before[:5])  # special pieces
    assert torch.equal(after[15:], before[15:])  # never seen
    near = torch.nn.functional.cosine_similarity(after[5, None], after[5:15])
    assert near[:5].min() > near[5:].max()
    assert torch.allclose(model.mlm.bias.double(), log_probs)


def test_a_run_with_a_warm_start(tmp_path, make_config):
    said = []
    config = make_config(pretraining={"warm_start": True})
    pretrain(config, tmp_path / "out", write=said.append)
    assert any("Warm start" in line for line in said)


@pytest.mark.parametrize("begins_warm", [False, True])
def test_a_run_begins_with_what_was_counted(make_config, tmp_path, begins_warm):
    config = make_config(pretraining={"warm_start": begins_warm})
    initial = make_initial_state(config, tmp_path / "out", RunOptions(write=str))
    # A new bias is 0 everywhere.
    has_counts = torch.allclose(initial.model.mlm.bias.double(), initial.log_probs)
    assert has_counts == begins_warm
