"""An earlier run, if it is continued: with the same text and config, or not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...corpus.index.fingerprint import IndexPlan, describe_change
from ..training_config import LIMITS
from .options import RunOptions
from .state import TrainingState, read_state

# What may change when a run is continued: none of it touches the steps done so far.
# With another limit the learning rate follows the new one from there on.
FREE_ON_RESUME = {
    *LIMITS,
    *(
        "max_skipped",
        "eval_every",
        "log_every",
        "save_every",
        "fill_mask_samples",
        "minimal_pairs",
        "n_minimal_pairs",
        "parallel",
    ),
}


def find_earlier(
    last: Path,
    config: Mapping[str, Any],
    plan: IndexPlan,
    options: RunOptions,
) -> TrainingState | None:
    """The state of the run in `last`, if `resume` asks to continue it and there is one.
    With `overwrite` the run starts over if it cannot be continued.

    config: as it is recorded, by section. plan: of the index.

    Raises FileNotFoundError or ValueError if what is asked for is not what is there.
    """
    if not options.resume:
        return None
    if not last.exists():
        options.write(f"A new run, as there is no {last} to resume")
        return None
    try:
        state, recorded = read_state(last)
        _check_same_run(state, recorded, config, plan)
    except (ValueError, FileNotFoundError) as error:
        if not options.overwrite:
            raise
        options.write(f"Starting over: {error}")
        return None
    options.write(f"Continuing {last}, after step {state.step:,}")
    return state


def _check_same_run(
    state: TrainingState,
    recorded: Mapping[str, Any],
    config: Mapping[str, Any],
    plan: IndexPlan,
) -> None:
    advice = "Set it back, or start over with --overwrite."
    for section in ("model", "vocabulary", "pretraining"):
        for key, value in config[section].items():
            old = recorded.get(section, {}).get(key)
            if old != value and key not in FREE_ON_RESUME:
                raise ValueError(
                    f"[{section}] {key}: expected {old!r}, as in the run that is "
                    f"resumed, got {value!r}. {advice}"
                )
    change = describe_change(recorded.get("corpus", {}), plan)
    if change:
        raise ValueError(f"The run cannot be resumed: {change}. {advice}")
    done = (state.step, state.n_epochs, state.seconds / 60)
    for name, n_done in zip(LIMITS, done, strict=True):
        limit = config["pretraining"][name]
        # A run by the clock ends a little after it.
        is_new = limit != recorded.get("pretraining", {}).get(name)
        if limit is not None and limit < n_done and is_new:
            raise ValueError(
                f"[pretraining] {name}: expected at least {n_done:g}, which the "
                f"resumed run has done, got {limit:g}. {advice}"
            )
