"""Steps that failed: left out, then rolled back, and at last given up."""

from math import inf, sqrt

from .optimizer import StepResult

# Nats above the mean of recent steps. A loss of n masked pieces strays from its mean by
# some 3 / sqrt(n); three times that is allowed on top.
_EXPLOSION = 3.0

# Weight of the past in the mean of recent steps: the last 50 or so count.
_DECAY = 0.98


class DivergenceError(ValueError):
    """Steps went on failing."""


class DivergenceGuard:
    """A step that failed left the weights alone, so the next batch is tried. If that
    fails too, the weights themselves must be bad, and are rolled back."""

    def __init__(self, max_skipped: int) -> None:
        self._max_skipped = max_skipped
        self._n_failed = 0
        self._step = 0

    def add(self, step: int, result: StepResult) -> bool:
        """Note that `step` failed, and say whether to roll back to the last checkpoint.

        Raises DivergenceError if more than `max_skipped` came before a step past
        this one was done.
        """
        self._n_failed += 1
        self._step = max(self._step, step)
        if self._n_failed > self._max_skipped:
            raise DivergenceError(
                f"Step {step} failed, after {self._n_failed - 1} others: expected "
                "finite numbers and a loss near those of the steps before, got "
                f"{result}. The last checkpoint is kept. Try a lower learn_rate, a "
                "longer warmup or a lower max_grad_norm."
            )
        return self._n_failed > 1

    def clear(self, step: int) -> None:
        """Note that `step` is done."""
        if step >= self._step:
            self._n_failed = 0


def highest_loss(mean: float | None, n_masked: int) -> float:
    """The MLM loss above which a step has failed, in nats."""
    if mean is None:
        return inf
    return mean + _EXPLOSION * (1 + 3 / sqrt(max(n_masked, 1)))


def mean_of_recent(mean: float | None, result: StepResult) -> float:
    if mean is None:
        return result.mlm_loss
    return _DECAY * mean + (1 - _DECAY) * result.mlm_loss
