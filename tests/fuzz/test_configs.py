"""Configs with changed settings: of pretraining, and of an encoder in a pipeline."""

import pytest
from fuzzing import AMOUNTS, changed_trees, expect_both, fuzz
from spacy.util import registry

from spacy_bert.pretraining import PretrainingConfig

ENCODER = {
    "hidden_width": 16,
    "n_layers": 2,
    "n_heads": 4,
    "intermediate_width": 32,
    "max_positions": 128,
    "n_segments": 2,
    "activation": "gelu",
    "layer_norm_eps": 1e-12,
    "layers": [-1, 1],
    "combine": "mean",
    "window_width": 50,
    "window_overlap": 4,
    "max_batch_pieces": 100,
    "freeze": "embeddings",
    "layer_decay": 0.8,
    "precision": "fp32",
    "recompute": False,
}

PRETRAINING = {
    "corpus": {"path": "corpus.txt", "sentences": "lines", "held_out_ratio": 0.1},
    "vocabulary": {"path": "vocab.txt", "size": 1000, "min_frequency": 2},
    "model": {"hidden_width": 16, "n_layers": 2, "n_heads": 2, "max_positions": 64},
    "pretraining": {
        "max_steps": 6,
        "max_minutes": 2.5,
        "batch_size": 8,
        "max_length": 32,
        "final_max_length": 64,
        "final_ratio": 0.1,
        "learn_rate": 1e-3,
        "warmup_ratio": 0.3,
        "betas": [0.9, 0.98],
        "eps": 1e-6,
        "weight_decay": 0.01,
        "masking": "words",
        "mask_prob": 0.15,
        "max_predictions_per_seq": 20,
        "fill_mask_samples": ["a [MASK]"],
        "eval_every": 3,
        "save_every": 2,
    },
}


def build_encoder(block):
    model = {"@architectures": "spacy-bert.BertEncoder.v1", **block}
    registry.resolve({"model": model})


@pytest.mark.parametrize("n_inputs", AMOUNTS)
def test_changed_configs_of_pretraining(n_inputs):
    outcomes = fuzz(
        changed_trees(PRETRAINING),
        PretrainingConfig.from_dict,
        n_inputs=n_inputs // 2,
        names="",
    )
    expect_both(outcomes)


@pytest.mark.parametrize("n_inputs", AMOUNTS)
def test_changed_configs_of_an_encoder(n_inputs):
    outcomes = fuzz(
        changed_trees(ENCODER), build_encoder, n_inputs=n_inputs // 2, names=""
    )
    expect_both(outcomes)
