"""Weights of labels and classes, and the focal loss, on unbalanced data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spacy
from spacy.training import Corpus
from thinc.api import Config

from ..fine_tuning.english import OUT_OF_SCOPE
from ..fine_tuning.training import trained
from .recipes import OURS, recipe_of

_RARE = ("corporation", "creative-work", "group", "product")

# Data -> system -> settings of its head.
LOSSES: dict[str, dict[str, Mapping[str, Any]]] = {
    "WNUT-17": {
        "no weights": {},
        "rare labels 3": {"label_weights": dict.fromkeys(_RARE, 3.0)},
        "all labels 3": {"label_weights": {"O": 1 / 3}},
    },
    "CLINC150": {
        "no weights": {},
        f"{OUT_OF_SCOPE} 10": {"class_weights": {OUT_OF_SCOPE: 10.0}},
        "balanced": {"class_weights": "balanced"},
        "focal loss, 2": {"focal_gamma": 2.0},
    },
    "CLINC150, a sigmoid each": {
        "no weights": {},
        "balanced": {"class_weights": "balanced"},
        "focal loss, 2": {"focal_gamma": 2.0},
    },
}
SCORES: dict[str, tuple[str, ...]] = {
    "WNUT-17": ("ents_f", "ents_p", "ents_r", "F of rare labels"),
    "CLINC150": ("cats_micro_f", "out of scope, found", "out of scope, F"),
    "CLINC150, a sigmoid each": ("cats_micro_f", "cats_macro_f", "cats_macro_auc"),
}


def measure_losses(
    row: str,
    system: str,
    seed: int,
    data: Path,
    work: Path,
    n_steps: int | None = None,
) -> dict[str, Any]:
    """SCORES in percent, and what a Stopwatch gives."""
    recipe = recipe_of(row, n_steps)
    settings = LOSSES[row][system]

    def change(config: Config) -> None:
        ((name, component),) = (
            (name, one)
            for name, one in config["components"].items()
            if name != "bert_encoder"
        )
        if name != "bert_ner":
            component.update(factory=f"bert_{component['factory']}")
        component.update(settings)

    with trained(
        recipe, OURS, seed, data=data, work=work, label=f", {system}", change=change
    ) as (path, minutes):
        nlp = spacy.load(path)
        test = Corpus(work / recipe.dataset / "test.spacy")
        found = nlp.evaluate(list(test(nlp)))
    scores = {k: 100 * v for k, v in found.items() if isinstance(v, float)}
    if row == "WNUT-17":
        by_label = found["ents_per_type"]
        rare = [by_label[label]["f"] for label in _RARE if label in by_label]
        scores["F of rare labels"] = 100 * sum(rare) / len(_RARE)
    if row == "CLINC150":
        of_class = found["cats_f_per_type"][OUT_OF_SCOPE]
        scores["out of scope, found"] = 100 * of_class["r"]
        scores["out of scope, F"] = 100 * of_class["f"]
    return {**minutes, **{name: scores[name] for name in SCORES[row]}}
