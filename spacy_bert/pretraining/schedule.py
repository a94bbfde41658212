"""The learning rate: a linear warmup to its peak, then a linear decay to 0."""


def learn_rate_at(
    step: int, *, peak: float, warmup_steps: int, max_steps: int
) -> float:
    """The rate of the step after `step` finished ones.

    With peak 1, 2 steps of warmup and 5 in all: 0.5, 1, 1, 2/3, 1/3.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak * (max_steps - step) / (max_steps - warmup_steps)
