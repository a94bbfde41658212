"""One number for each head, by which its scores are divided (Guo et al. 2017, 4.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

from .events import Events
from .heads import Head

_LIMIT = 20.0
_N_COARSE, _N_FINE = 13, 20
# What is left of an interval in golden-section search.
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """before, after: the predictions on the data that it was fitted on."""

    temperature: float
    before: Events
    after: Events


def calibrate(head: Head) -> Calibration:
    """Divide the head's scores by the temperature of the least log loss, in place.

    Raises ValueError if its predictions are all right or all wrong, or if no
    temperature from 1/20 to 20 is best.
    """
    before = head.events()
    n_right = int(before.is_right.sum())
    if n_right in (0, len(before.is_right)):
        raise ValueError(
            f"{head.name}: expected right and wrong predictions, got {n_right} right "
            f"ones of {len(before.is_right)}. Take more data, or data that it was not "
            "trained on."
        )

    def loss(log_temperature: float) -> float:
        head.set_temperature(exp(log_temperature))
        return head.events().log_loss()

    found = _minimize(loss, log(_LIMIT))
    if found is None:
        head.set_temperature(1.0)
        raise ValueError(
            f"{head.name}: expected probabilities that say something of what is right; "
            f"no temperature from {1 / _LIMIT} to {_LIMIT:.0f} is best. Take more "
            "data, or train the head longer."
        )
    temperature = exp(found)
    head.set_temperature(temperature)
    return Calibration(temperature=temperature, before=before, after=head.events())


def _minimize(function: Callable[[float], float], limit: float) -> float | None:
    """Where it is least between -limit and limit, None if that is at a limit."""
    step = 2 * limit / (_N_COARSE - 1)
    best = min((i * step - limit for i in range(_N_COARSE)), key=function)
    if abs(best) > limit - step / 2:
        return None
    low, high = best - step, best + step
    for _ in range(_N_FINE):
        width = _GOLDEN * (high - low)
        if function(high - width) < function(low + width):
            high = low + width
        else:
            low = high - width
    return (low + high) / 2
