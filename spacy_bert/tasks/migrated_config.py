"""A config for `tok2vec` or `transformer` -> one for a `bert_encoder`."""

from pathlib import Path
from typing import Any

from spacy.util import load_config
from thinc.api import Config

from ..checkpoint.loading import check_loads, has_trained_pooler
from ..checkpoint.resolving import resolve_checkpoint
from ..pipeline.bert_encoder import DEFAULT_CONFIG
from ..pipeline.encoder_swap import (
    ENCODER,
    find_encoder,
    swap_encoder,
    walk_blocks,
    window_width,
)
from ..pipeline.from_checkpoint import read_architecture
from .starter_config import HEAD_RATE, HEADS, head_config, training_settings

_CLASSIFIERS = ("textcat", "textcat_multilabel")

# The warm-up that spaCy's config for transformers has.
_WARMUP_STEPS = 250


def migrate_config(path: Path, checkpoint: str | Path) -> tuple[Config, list[str]]:
    """Return the new config, not interpolated, and what was done beyond the encoder.

    path: a config, full or in part. Its comments are lost.
    checkpoint: as `resolve_checkpoint` takes it; decides the numbers of the
        architecture.

    A config for `tok2vec` gets the learning rates and batches of a starter config. One
    for `transformer` keeps its own, apart from the Docs that it drops.

    Raises FileNotFoundError or ValueError if a file is not what is expected, and
    ValueError for blocks that have no counterpart.
    """
    config = load_config(path, interpolate=False)
    folder = resolve_checkpoint(checkpoint)
    check_loads(folder)
    _add_missing_encoder(config)
    name, factory = find_encoder(config)
    old = config["components"][name]
    model: dict[str, Any] = {**DEFAULT_CONFIG["model"], **read_architecture(folder)}
    if factory == "tok2vec":
        model["learn_rate_factor"] = 1 / HEAD_RATE
    else:
        model.update(_transformer_settings(old, model["max_positions"]))
    new = swap_encoder(config, model, checkpoint="${paths.checkpoint}")
    new.setdefault("paths", {})["checkpoint"] = str(checkpoint)
    notes = _name_exchange(old, str(checkpoint))
    notes += _set_training(new, factory, model["hidden_width"])
    notes += _name_annotations(old)
    notes += _replace_bags_of_words(new, folder)
    notes += _drop_pretraining(new)
    if factory == "tok2vec":
        notes += _drop_static_vectors(new, old)
    return new, notes


def _transformer_settings(old: dict[str, Any], max_positions: int) -> dict[str, Any]:
    model = old.get("model", {})
    settings: dict[str, Any] = {}
    width = window_width(model.get("get_spans", {}), max_positions=max_positions)
    if width is not None:
        settings["window_width"] = width
    if model.get("mixed_precision"):
        settings["precision"] = "fp16"
    return settings


def _name_exchange(old: dict[str, Any], checkpoint: str) -> list[str]:
    name = old.get("model", {}).get("name")
    if name in (None, checkpoint):
        return []
    return [f"{name} is exchanged for {checkpoint}: --checkpoint takes another BERT."]


def _set_training(config: Config, factory: str, hidden_width: int) -> list[str]:
    training, ours = config.setdefault("training", {}), training_settings(hidden_width)
    notes = []
    if training.get("before_to_disk") is None:
        training["before_to_disk"] = ours["before_to_disk"]
        notes.append(
            "[training] before_to_disk: the saved pipeline does not name the files "
            "that it was trained with."
        )
    if factory != "tok2vec":
        if not training.get("batcher", {}).get("discard_oversize"):
            return notes
        training["batcher"]["discard_oversize"] = False
        return [
            *notes,
            "Docs longer than a batch are no longer dropped (discard_oversize).",
        ]
    notes.append(
        "[training] batcher and learn_rate: those for a BERT, whose heads learn "
        f"{HEAD_RATE} times as fast as it does, after a warm-up."
    )
    training["batcher"] = ours["batcher"]
    rate = ours["optimizer"]["learn_rate"]
    max_steps = training.get("max_steps", 0)
    if isinstance(max_steps, int) and max_steps > 0:
        ratio = min(rate["warmup_ratio"], _WARMUP_STEPS / max_steps)
        rate = {**rate, "warmup_ratio": round(ratio, 4)}
    else:
        # A run without an end has no schedule.
        rate = rate["initial_rate"]
    training.setdefault("optimizer", {"@optimizers": "Adam.v1"})["learn_rate"] = rate
    return notes


def _add_missing_encoder(config: Config) -> None:
    """spaCy's config for text classifiers alone has none on a CPU."""
    components = config.get("components", {})
    if components and all(map(_is_bag_of_words, components.values())):
        config["components"] = {"tok2vec": {"factory": "tok2vec"}, **components}
        config["nlp"]["pipeline"] = ["tok2vec", *config["nlp"]["pipeline"]]


def _is_bag_of_words(component: dict[str, Any]) -> bool:
    architecture = str(component.get("model", {}).get("@architectures", ""))
    is_classifier = component.get("factory") in _CLASSIFIERS
    return is_classifier and architecture.startswith("spacy.TextCatBOW.")


def _replace_bags_of_words(config: Config, checkpoint: Path) -> list[str]:
    """Let text classifiers that listen to nothing, spaCy's default on a CPU, read the
    encoder."""
    notes = []
    for name, component in config["components"].items():
        if _is_bag_of_words(component):
            factory, model = component["factory"], component["model"]
            pooled = has_trained_pooler(checkpoint)
            component["model"] = {
                **head_config(factory, pooled=pooled, upstream=ENCODER)["model"],
                "exclusive_classes": model.get(
                    "exclusive_classes", HEADS[factory]["model"]["exclusive_classes"]
                ),
            }
            notes.append(
                f"[components.{name}.model]: {model['@architectures']} reads "
                "words and no vectors; a classifier over [CLS] has its place."
            )
    return notes


def _name_annotations(old: dict[str, Any]) -> list[str]:
    setter = str(old.get("set_extra_annotations", {}).get("@annotation_setters", ""))
    if not setter or setter.startswith("spacy-transformers.null_annotation_setter."):
        return []
    return [
        f"set_extra_annotations: {setter} is dropped. A component of your own can do "
        f"its work after {ENCODER}, from doc._.trf_data: set trf_data = true there."
    ]


def _drop_pretraining(config: Config) -> list[str]:
    """spaCy's pretraining is for a `tok2vec`."""
    initialize, paths = config["initialize"], config.get("paths", {})
    if paths.get("init_tok2vec") is not None:
        paths["init_tok2vec"] = None
    if not str(initialize.get("init_tok2vec")).startswith("$"):
        initialize["init_tok2vec"] = None
    if not config.get("pretraining"):
        return []
    config["pretraining"] = {}
    return [
        "[pretraining]: dropped, as it is for a tok2vec. BERT is pretrained by "
        "python -m spacy bert pretrain."
    ]


def _drop_static_vectors(config: Config, old: dict[str, Any]) -> list[str]:
    """Word vectors that nothing but the old encoder read."""
    read_them = [block.get("include_static_vectors") for _, block in walk_blocks(old)]
    others = [block for _, block in walk_blocks(config["components"])]
    if not any(read_them) or any(b.get("include_static_vectors") for b in others):
        return []
    config["initialize"]["vectors"] = None
    if "vectors" in config.get("paths", {}):
        config["paths"]["vectors"] = None
    return ["[initialize] vectors: dropped, as nothing but the tok2vec read them."]
