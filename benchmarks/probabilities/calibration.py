"""A head that is calibrated on dev -> how far its probabilities on test are from how
often it is right, before and after."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.training import Example

from spacy_bert.cli.pipelines import predict_examples
from spacy_bert.tasks.calibration.events import Events
from spacy_bert.tasks.calibration.heads import Head, find_head
from spacy_bert.tasks.calibration.temperature import calibrate

from ..fine_tuning.training import trained
from .recipes import OURS, recipe_of

THRESHOLDS = (0.5, 0.7, 0.9, 0.95)
BEFORE, AFTER = "before", "after"


def measure_calibration(
    row: str, seed: int, data: Path, work: Path, n_steps: int | None = None
) -> dict[str, dict[str, Any]]:
    """Before and after: what `_describe` gives, and what a Stopwatch gives."""
    recipe = recipe_of(row, n_steps)
    with trained(recipe, OURS, seed, data=data, work=work, label=", calibrated") as (
        path,
        minutes,
    ):
        nlp = spacy.load(path)
        corpus = work / recipe.dataset
        dev, test = (
            _head(nlp, predict_examples(nlp, corpus / f"{split}.spacy"))
            for split in ("dev", "test")
        )
        before = test.events()
        found = calibrate(dev)
        after = test.events()
    return {
        BEFORE: {**minutes, "temperature": 1.0, **_describe(before)},
        AFTER: {**minutes, "temperature": found.temperature, **_describe(after)},
    }


def _head(nlp: Language, examples: list[Example]) -> Head:
    name, component = nlp.pipeline[-1]
    head = find_head(name, component, examples)
    assert head is not None
    return head


def _describe(events: Events) -> dict[str, float]:
    """In percent, but for the log loss."""
    kept = {t: events.kept(t) for t in THRESHOLDS}
    return {
        "predictions": len(events.probs),
        "calibration error": 100 * events.calibration_error(),
        "log loss": events.log_loss(),
        **{f"right from {t}": 100 * precision for t, (precision, _) in kept.items()},
        **{f"kept from {t}": 100 * share for t, (_, share) in kept.items()},
    }
