"""How much the loss of each label counts, as configs have it -> numbers."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import isfinite

import numpy as np

from .arrays import Floats


def expect_weights(weights: Mapping[str, float] | None, setting: str) -> None:
    """Raise ValueError for a weight that is below 0 or not finite."""
    for label, weight in (weights or {}).items():
        if not isfinite(weight) or weight < 0:
            raise ValueError(
                f"{setting}: expected numbers of at least 0, got {weight} for "
                f"{label!r}."
            )


def weights_of(
    weights: Mapping[str, float], labels: Sequence[str], *, where: str
) -> Floats:
    """(n_labels,), 1 for labels without one.

    Raises ValueError for a weight whose label is not there.
    """
    for label in weights:
        if label not in labels:
            close = get_close_matches(label, labels, n=1)
            advice = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"{where}: expected some of the labels {', '.join(labels)}, got "
                f"{label!r}.{advice}"
            )
    return np.array([weights.get(label, 1.0) for label in labels], dtype=np.float64)
