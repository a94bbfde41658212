"""What every head of ours asks of its loss, or of the sum of its gradient."""

from math import isfinite


def expect_finite(loss: float, *, name: str) -> float:
    """The loss. Raises ValueError if it is not finite; name: the component's."""
    if not isfinite(loss):
        raise ValueError(
            f"{name!r}: expected a finite loss, got {loss}. Lower the learning rate, "
            "or warm it up."
        )
    return loss
