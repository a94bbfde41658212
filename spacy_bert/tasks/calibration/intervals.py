"""Around each value of `text_regressor`, an interval that has the right one with a
given probability: split conformal prediction (Lei et al. 2018, "Distribution-Free
Predictive Inference for Regression", section 2.2).

It holds for texts of the kind that it was fitted on, whatever the model, on average
over texts: an interval is as wide for one that is hard as for one that is easy.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
from spacy.training import Example

from ..arrays import to_floats
from ..text.component import TextRegressor, read_targets


def fit_intervals(
    name: str, regressor: TextRegressor, examples: Sequence[Example], *, coverage: float
) -> dict[str, float]:
    """Half the width of each label's interval, which the component writes from now on.

    examples: which it was not trained on; their predicted Docs as all of the pipeline
        has annotated them. coverage: the probability, above 0 and below 1.

    Raises ValueError if they are too few.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage: expected above 0 and below 1, got {coverage}.")
    targets = read_targets(examples, regressor.labels)
    values = to_floats(regressor.predict([eg.predicted for eg in examples]))
    half_widths = {}
    for label, errors in zip(regressor.labels, np.abs(values - targets).T, strict=True):
        known = np.sort(errors[~np.isnan(errors)])
        rank = _ceil((len(known) + 1) * coverage)
        if rank > len(known):
            raise ValueError(
                f"{name}: expected at least {_ceil(coverage / (1 - coverage))} Docs "
                f"with {label!r} for an interval that is right with a probability of "
                f"{coverage}, got {len(known)}."
            )
        half_widths[label] = float(known[rank - 1])
    regressor.cfg["half_widths"] = half_widths
    return half_widths


def _ceil(value: float) -> int:
    """10 * 0.7 is 7.000000000000001."""
    return ceil(round(value, 9))
