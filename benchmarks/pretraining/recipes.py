"""Named settings of our pretraining, and what `transformers` is given."""

from typing import Any

Recipe = dict[str, Any]

# The systems by the names that they have in the results.
OURS, RANDOM = "ours", "random weights"
SAME_BATCHES = "transformers, the same batches"
GROUPED = "transformers, grouped by length"
RUN_MLM = "transformers, run_mlm"
DATASETS = "datasets"
# Parts of the results.
RACE, CURVES, DOWNSTREAM = "race", "curves", "fine-tuned: "

# What a recipe does not say. Fields of TrainingConfig; no dropout, as no text is seen
# often enough to be learned by heart.
_BASE: Recipe = {
    "warm_start": True,
    "batch_size": 16,
    "max_length": 128,
    "learn_rate": 2e-3,
    "warmup_ratio": 0.05,
}
_SHORT: Recipe = {"batch_size": 32, "max_length": 64}
_MUON: Recipe = {"optimizer": "muon"}
# Compared by the step, given minutes enough, as on a machine for which the batch is not
# large.
_LARGE: Recipe = {"batch_size": 128, "max_steps": 250}

_CHANGES: dict[str, Recipe] = {
    "base": {},
    "rate 1e-3": {"learn_rate": 1e-3},
    "rate 4e-3": {"learn_rate": 4e-3},
    "batch 8": {"batch_size": 8},
    "batch 32": {"batch_size": 32},
    "plain start": {"warm_start": False},
    "plain start 1e-3": {"warm_start": False, "learn_rate": 1e-3},
    "muon": _MUON,
    "muon 1e-3": {**_MUON, "learn_rate": 1e-3},
    "muon 4e-3": {**_MUON, "learn_rate": 4e-3},
    "muon + batch 32": {**_MUON, "batch_size": 32},
    "batch 128": _LARGE,
    "batch 128 4e-3": {**_LARGE, "learn_rate": 4e-3},
    "batch 128 8e-3": {**_LARGE, "learn_rate": 8e-3},
    "muon + batch 128": {**_MUON, **_LARGE},
    "muon + batch 128 4e-3": {**_MUON, **_LARGE, "learn_rate": 4e-3},
    "length 64": _SHORT,
    "length 64 to 128": {**_SHORT, "final_max_length": 128, "final_ratio": 0.3},
    "wsd": {"schedule": "wsd"},
    "cosine": {"schedule": "cosine"},
    "warm-up 0.2": {"warmup_ratio": 0.2},
    "mask 0.30": {"mask_prob": 0.30},
    "beta2 0.98": {"betas": [0.9, 0.98]},
    "no nsp": {"next_sentence": "none"},
    "whole words": {"masking": "words"},
}

RECIPES = {name: {**_BASE, **changes} for name, changes in _CHANGES.items()}
# The best of the race, for the comparison with the peer.
BEST = "base"


def _rates(n_steps: int, *rates: float, **changes: Any) -> dict[str, Recipe]:
    """At the base's batch of 16, unless something else is said."""
    recipe: Recipe = {**_BASE, "max_steps": n_steps, **changes}
    return {f"rate {rate:g}": {**recipe, "learn_rate": rate} for rate in rates}


# "SHAPE, LENGTH" -> systems. 2,000 steps are 3.5 million pieces, which an L4 H256 reads
# in a quarter of an hour of a core or two.
CURVE_RUNS: dict[str, dict[str, Recipe]] = {
    "L4 H256, 2000 steps": _rates(2000, 5e-4, 1e-3, 2e-3),
    "L2 H128, 2000 steps": _rates(2000, 1e-3, 2e-3, 4e-3),
    "L2 H128, 8000 steps": _rates(8000, 5e-4, 1e-3, 2e-3),
    "L4 H256, 8000 steps": _rates(8000, 3.5e-4, 7e-4, 1.4e-3),
}

# The defaults of run_mlm.py, unless the command line says otherwise.
PEER: Recipe = {
    "learn_rate": 1e-3,
    "batch_size": 32,
    "mask_prob": 0.15,
    "warmup_ratio": 0.05,
}
PEER_RATES = (5e-4, 1e-3, 2e-3)
