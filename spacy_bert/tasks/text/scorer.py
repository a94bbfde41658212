"""The scorer of `text_regressor`: correlations of predicted and given values."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy import registry
from spacy.training import Example

Scorer = Callable[..., dict[str, Any]]


@registry.scorers("spacy-bert.regression_scorer.v1")
def make_regression_scorer() -> Scorer:
    """For `text_regressor`: Pearson's and Spearman's correlation of predicted and given
    numbers, `cats_pearson` and `cats_spearman`."""
    return score_regression


def score_regression(examples: Iterable[Example], **settings: Any) -> dict[str, Any]:
    """Correlation of predicted and given values, over all Docs that have both, of the
    component's labels (`labels` in settings) or of all: `cats_pearson` and
    `cats_spearman`, their means over labels, and each label's own in
    `cats_correlation_per_label`. None if there are too few, or all are the same.
    """
    predicted: dict[str, list[float]] = {}
    given: dict[str, list[float]] = {}
    labels = settings.get("labels")
    for example in examples:
        for label, value in example.reference.cats.items():
            if labels is not None and label not in labels:
                continue
            if label in example.predicted.cats and not np.isnan(value):
                predicted.setdefault(label, []).append(example.predicted.cats[label])
                given.setdefault(label, []).append(value)
    per_label = {}
    for label, values in given.items():
        pair = np.array(predicted[label]), np.array(values)
        per_label[label] = {
            "pearson": correlate(*pair),
            "spearman": correlate(rank(pair[0]), rank(pair[1])),
        }
    return {
        "cats_pearson": _mean(scores["pearson"] for scores in per_label.values()),
        "cats_spearman": _mean(scores["spearman"] for scores in per_label.values()),
        "cats_correlation_per_label": per_label,
    }


def correlate(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Pearson's coefficient."""
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale else None


def rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1; equal values share the mean of theirs. [7, 5, 7] -> [2.5, 1, 2.5]"""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[index]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
