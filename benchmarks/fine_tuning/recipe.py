"""A recipe for fine-tuning, and the config that it gives for ours or for the peer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinc.api import Config

from spacy_bert.pipeline.segments import RECORD_SEPARATOR
from spacy_bert.tasks.starter_config import LISTENER

from ..spacy_runs import (
    TRANSFORMER_LISTENER,
    encoder_config,
    minilm,
    transformer_model,
)
from .datasets import language

PEER = "spacy-transformers"

# Our heads have ten times the encoder's learning rate, as `init-config` writes it, and
# the peers have one rate for all. So that this can be told apart: ours with one rate,
# and the peers with one that suits heads better.
ONE_RATE, FIVE_FOLD = ", one rate", ", five times the rate"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """scores: of `spacy evaluate`, on `split`; n_steps: of some 1,000 padded tokens or,
    if the peer is `transformers`, of n_docs Docs; learn_rate: of the encoder.

    systems: its name -> heads and their settings, and those of the bert_encoder, on
    top of the starter config.
    """

    dataset: str
    scores: tuple[str, ...]
    n_steps: int
    systems: Mapping[str, Mapping[str, Mapping[str, Any]]]
    split: str = "test"
    learn_rate: float = 2e-4
    n_docs: int = 0


def peer_rate(recipe: Recipe, system: str) -> float:
    return recipe.learn_rate * (5 if system.endswith(FIVE_FOLD) else 1)


def make_config(
    recipe: Recipe, system: str, seed: int, checkpoint: Path | None = None
) -> Config:
    """What `spacy train` takes: the same for all systems but for encoder and heads.

    checkpoint: MiniLM by default.
    """
    heads = dict(recipe.systems[system])
    changes = heads.pop("bert_encoder", {})
    lang = language(recipe.dataset)
    config = encoder_config(checkpoint or minilm(), list(heads), lang)
    for head, settings in heads.items():
        model = config["components"][head]["model"]
        if "@architectures" in settings:
            model = {**settings, "tok2vec": dict(LISTENER)}
        else:
            model.update(settings)
        config["components"][head]["model"] = model
    rate = recipe.learn_rate
    encoder = config["components"]["bert_encoder"]["model"]
    # Other datasets' Docs do not have the separator.
    encoder.update(pair_separator=RECORD_SEPARATOR, **changes, max_learn_rate=rate)
    if system.startswith(PEER):
        _put_transformer(config, list(heads))
        rate = peer_rate(recipe, system)
    elif system.endswith(ONE_RATE):
        encoder["learn_rate_factor"] = 1.0
    else:
        rate /= encoder["learn_rate_factor"]
    training = config["training"]
    training.update(max_steps=recipe.n_steps, eval_frequency=recipe.n_steps // 2)
    training["batcher"]["size"] = 1000
    if recipe.n_docs:
        training["batcher"] = {
            "@batchers": "spacy.batch_by_sequence.v1",
            "size": recipe.n_docs,
            "get_length": None,
        }
    # thinc's own, as its warm-up is in steps, as that of the Trainer.
    training["optimizer"]["learn_rate"] = {
        "@schedules": "warmup_linear.v1",
        "warmup_steps": max(recipe.n_steps // 12, 1),
        "total_steps": recipe.n_steps,
        "initial_rate": rate,
    }
    config["system"]["seed"] = seed
    return config


def _put_transformer(config: Config, heads: list[str]) -> None:
    config["nlp"]["pipeline"] = ["transformer", *heads]
    components = config["components"]
    del components["bert_encoder"]
    for head in heads:
        components[head]["model"]["tok2vec"] = dict(TRANSFORMER_LISTENER)
    components["transformer"] = {
        "factory": "transformer",
        "max_batch_items": 4096,
        "set_extra_annotations": {
            "@annotation_setters": "spacy-transformers.null_annotation_setter.v1"
        },
        "model": transformer_model(),
    }
    config["initialize"]["components"] = {}
    config["paths"]["checkpoint"] = None
