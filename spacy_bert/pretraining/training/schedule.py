"""How much of a run is done, and its learning rate there."""

from collections.abc import Callable
from math import cos, pi, sqrt

from ..training_config import TrainingConfig


def progress_of(
    config: TrainingConfig, *, n_steps: int, n_epochs: float, seconds: float
) -> float:
    """From 0 to 1, by the limit that comes first.

    Half of the step to come counts, so that neither the first step nor the last has
    a learning rate of 0.
    """
    fractions = []
    if config.max_steps is not None:
        is_done = n_steps >= config.max_steps
        fractions.append(1.0 if is_done else (n_steps + 0.5) / config.max_steps)
    if config.max_epochs is not None:
        fractions.append(n_epochs / config.max_epochs)
    if config.max_minutes is not None:
        fractions.append(seconds / 60 / config.max_minutes)
    return min(max(fractions), 1.0)


def learn_rate_at(progress: float, config: TrainingConfig) -> float:
    """The rate where `progress` of the run is done.

    It rises linearly from 0 over `warmup_ratio` of the run, then falls to 0:
    "linear", as in BERT; "cosine" (Loshchilov and Hutter 2017); or "wsd", which stays
    at its peak until `decay_ratio` of the run is left and then falls as 1 - sqrt
    (Haegele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed
    Training Durations", section 3).
    """
    if progress < config.warmup_ratio:
        return config.learn_rate * progress / config.warmup_ratio
    if config.schedule == "wsd":
        past = (progress - 1 + config.decay_ratio) / config.decay_ratio
    else:
        past = (progress - config.warmup_ratio) / (1 - config.warmup_ratio)
    return config.learn_rate * _DECAYS[config.schedule](max(past, 0.0))


# From 1 at the start of the decay to 0 at its end.
_DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda past: 1 - past,
    "cosine": lambda past: (1 + cos(pi * past)) / 2,
    "wsd": lambda past: 1 - sqrt(past),
}
