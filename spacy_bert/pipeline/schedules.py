"""`spacy-bert.warmup_linear.v1`: a learning rate that follows the length of a run."""

from collections.abc import Iterable

from spacy import registry
from thinc.api import constant, warmup_linear

from ..sections import Mistake, Mistakes
from .config_errors import takes_config


@registry.schedules("spacy-bert.warmup_linear.v1")
@takes_config
def make_warmup_linear(
    initial_rate: float, total_steps: int | str, warmup_ratio: float = 0.1
) -> Iterable[float]:
    """thinc's `warmup_linear.v1`, whose warm-up is a fraction of the run: with a fixed
    number of steps a run that is made shorter ends inside its warm-up.

    initial_rate: at the end of the warm-up.
    total_steps: ${training.max_steps}. `nlp.resume_training()`, and `nlp.initialize()`
        without an optimizer, do not put a number there. The length of the run is then
        unknown, and the rate stays at initial_rate.
    warmup_ratio: the fraction of the run in which the rate rises from 0.

    Raises ValueError if total_steps is not above 0, as in spaCy's configs without a
    limit, or warmup_ratio is not from 0 up to, not including, 1.
    """
    if isinstance(total_steps, str):
        if not total_steps.startswith("${"):
            raise ValueError(
                f"total_steps: expected a number of steps, got {total_steps!r}."
            )
        return constant(initial_rate)
    mistakes = Mistakes()
    if total_steps < 1:
        message = (
            f"total_steps: expected a number of steps above 0, got {total_steps}. Set "
            "[training] max_steps, or total_steps in [training.optimizer.learn_rate]."
        )
        mistakes.add(Mistake(message, ("total_steps",)))
    mistakes.expect(
        0.0 <= warmup_ratio < 1.0,
        setting="warmup_ratio",
        expected="a fraction from 0 up to, not including, 1",
        got=warmup_ratio,
    )
    mistakes.raise_any("[training.optimizer.learn_rate]")
    warmup_steps = max(round(warmup_ratio * total_steps), 1)
    return warmup_linear(initial_rate, warmup_steps, total_steps)
