"""All that it takes to continue a run exactly, in a folder that is replaced whole."""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import srsly
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST
from thinc.api import Optimizer

from ..checked import Amount, Count, read_checked
from ..folders import recover, replacing
from .batches import Drawn
from .errors import TrainingError
from .parameters import (
    Models,
    gradient_scales,
    parameters_of,
    read_optimizer,
    set_optimizer,
)
from .randomness import RandomState

FOLDER = "training-state"
OUTPUTS = (FOLDER, DIR_MODEL_BEST, DIR_MODEL_LAST)
_PROGRESS, _ARRAYS = "progress.json", "arrays.msgpack"
_WEIGHTS = "weights"
# What msgpack and Thinc raise for bytes of something else.
_DAMAGES = (
    *(ValueError, LookupError, TypeError, AttributeError, OSError),
    srsly.msgpack.exceptions.UnpackException,
)
START_OVER = "Start over with --overwrite."


@dataclass(frozen=True, kw_only=True)
class Progress:
    """n_steps: steps finished.
    results: (score, step) of each evaluation.
    losses: by component, since the last evaluation.
    seconds: that the steps took.
    dev_fingerprint: of the examples that were evaluated.
    config: of the pipeline, with its variables.
    """

    n_steps: Count = 0
    results: list[tuple[float, int]] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    n_words: Count = 0
    seconds: Amount = 0.0
    dev_fingerprint: int | None = None
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class State:
    """random_states: of each rank. performance: of the last evaluation, as it is in the
    pipeline's meta data."""

    progress: Progress
    drawn: Drawn
    random_states: list[RandomState]
    performance: dict[str, Any] = field(default_factory=dict)


def save_state(
    output: Path,
    state: State,
    models: Models,
    optimizer: Optimizer,
) -> None:
    """Replace the one in `output`."""
    drawn = state.drawn
    arrays = {
        "optimizer": read_optimizer(optimizer, parameters_of(models)),
        "scales": [vars(scale) for scale in gradient_scales(models)],
        "random_states": [one.to_lists() for one in state.random_states],
        "performance": state.performance,
        # Sums of 32 bits go on as such.
        "losses": state.progress.losses,
        "drawn": {
            "n": drawn.n,
            "fingerprint": drawn.fingerprint,
            "random_states": [
                [n, one.to_lists()] for n, one in drawn.random_states.items()
            ],
        },
    }
    with replacing(output / FOLDER) as folder:
        text = json.dumps(vars(replace(state.progress, losses={})))
        (folder / _PROGRESS).write_text(text, encoding="utf8")
        srsly.write_msgpack(folder / _ARRAYS, arrays)
        (folder / _WEIGHTS).mkdir()
        for i, model in enumerate(models.values()):
            model.to_disk(folder / _WEIGHTS / str(i))


def find_earlier(output: Path, *, resume: bool, overwrite: bool) -> Progress | None:
    """How far the run in `output` came that is to be continued, if there is one.

    Raises TrainingError if there is one and nothing is said of it, or if its state is
    damaged.
    """
    for name in OUTPUTS:
        recover(output / name)
    file = output / FOLDER / _PROGRESS
    if resume and overwrite:
        raise TrainingError("Expected one of --resume and --overwrite, got both.")
    if resume and file.parent.exists():
        try:
            return read_checked(file, Progress)
        except (ValueError, FileNotFoundError) as error:
            raise TrainingError(f"{error}. {START_OVER}") from error
    found = [name for name in OUTPUTS if os.path.lexists(output / name)]
    if found and not overwrite:
        state = "a state to continue from" if resume else "no earlier run"
        advice = "" if resume else " Continue it with --resume."
        raise TrainingError(
            f"{output}: expected {state}, found {', '.join(found)}.{advice} "
            f"{START_OVER}"
        )
    return None


def load_state(
    output: Path,
    progress: Progress,
    models: Models,
    optimizer: Optimizer,
) -> State:
    """Set the weights and the optimizer. Raises TrainingError if they are damaged, or
    those of another pipeline."""
    folder = output / FOLDER
    try:
        for i, model in enumerate(models.values()):
            model.from_disk(folder / _WEIGHTS / str(i))
        arrays = srsly.read_msgpack(folder / _ARRAYS)
        set_optimizer(optimizer, parameters_of(models), arrays["optimizer"])
        for scale, values in zip(
            gradient_scales(models), arrays["scales"], strict=True
        ):
            vars(scale).update(values)
        drawn = arrays["drawn"]
        return State(
            progress=replace(progress, losses=arrays["losses"]),
            drawn=Drawn(
                n=drawn["n"],
                fingerprint=drawn["fingerprint"],
                random_states={
                    n: RandomState.from_lists(lists)
                    for n, lists in drawn["random_states"]
                },
            ),
            random_states=[
                RandomState.from_lists(lists) for lists in arrays["random_states"]
            ],
            performance=arrays["performance"],
        )
    except _DAMAGES as error:
        raise TrainingError(
            f"{folder}: expected the state of this pipeline's training, got a damaged "
            f"one or another pipeline's ({error!r}). {START_OVER}"
        ) from error
