"""What it takes, besides the weights, to continue a run exactly; in its checkpoint.

`training_state.json` has the step, the cursor into the data, the best loss and the
config; the folder `training_state` the optimizer state.
"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from ...checked import Amount, Count, Fraction, read_checked
from ...checkpoint.record import PretrainingRecord
from ...checkpoint.saving import save_checkpoint
from ...folders import replacing
from ...model import BertForPretraining
from ...processes.ranks import Ranks
from ...tokenization import PieceTokenizer
from ...writing import WriteError
from ..distributed.optimizer_state import save_optimizer_state
from ..instances.batches import DataCursor
from ..run_folder import OPTIMIZER_FOLDER, STATE_FILE

START_OVER = "Start over with --overwrite."


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """step: steps finished.
    n_epochs: how often they went through the text.
    seconds: how long they took, with all that the loop does between them.
    progress: the fraction of the run that is done, from 0 to 1.
    best_loss: the lowest held-out MLM loss so far.
    mean_loss: of recent steps, by which an explosion is known.
    """

    step: Count = 0
    cursor: DataCursor = field(default_factory=DataCursor)
    n_epochs: Amount = 0.0
    seconds: Amount = field(default=0.0, compare=False)
    progress: Fraction = field(default=0.0, compare=False)
    best_loss: Amount | None = None
    mean_loss: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class _StateFile:
    """files: of the optimizer state. config: by section."""

    step: Count
    cursor: DataCursor
    n_epochs: Amount
    seconds: Amount
    progress: Fraction
    best_loss: Amount | None
    mean_loss: Amount | None
    files: list[str]
    config: dict[str, dict[str, Any]]

    def state(self) -> TrainingState:
        names = (field.name for field in fields(TrainingState))
        return TrainingState(**{name: getattr(self, name) for name in names})


def save_run(
    path: Path,
    model: BertForPretraining,
    tokenizer: PieceTokenizer,
    ranks: Ranks,
    *,
    optimizer_state: Mapping[str, Tensor] | None = None,
    state: TrainingState | None = None,
    recorded: Mapping[str, Any] | None = None,
    record: PretrainingRecord | None = None,
) -> None:
    """Replace the checkpoint at `path`, with the state of its training if there is one.

    All ranks do this at once: rank 0 writes all but the optimizer state, of which
    each has its own. Raises OSError, with the previous checkpoint whole, if it cannot
    be written.
    """
    try:
        with ExitStack() as stack:
            new = ranks.on_first(lambda: stack.enter_context(replacing(path)))
            ranks.on_first(
                lambda: save_checkpoint(new, model, tokenizer, record=record)
            )
            if state is not None:
                save_optimizer_state(
                    new / OPTIMIZER_FOLDER, optimizer_state or {}, ranks
                )
                ranks.on_first(lambda: _save_state(new, state, recorded or {}))
    except (OSError, SafetensorError) as error:
        before = "The previous one is whole" if path.exists() else "There is none yet"
        reason = error.reason if isinstance(error, WriteError) else error
        raise OSError(
            f"The checkpoint {path} could not be written ({reason}). {before}. Make "
            "room or change the folder's permissions, then run again with --resume."
        ) from error


def read_state(path: Path) -> tuple[TrainingState, dict[str, Any]]:
    """The state and the recorded config of the run. Raises ValueError if they are
    damaged and FileNotFoundError if there are none."""
    file = _read_file(path)
    return file.state(), file.config


def read_optimizer_files(path: Path) -> list[str]:
    """The names of the optimizer state's files. Raises as `read_state`."""
    return _read_file(path).files


def _read_file(path: Path) -> _StateFile:
    file = path / STATE_FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected a checkpoint of an earlier run in {path}, found no "
            f"{STATE_FILE}. {START_OVER}"
        )
    try:
        return read_checked(file, _StateFile)
    except ValueError as error:
        raise ValueError(f"{error}. {START_OVER}") from error


def _save_state(path: Path, state: TrainingState, recorded: Mapping[str, Any]) -> None:
    values = {
        **asdict(state),
        "files": sorted(file.name for file in (path / OPTIMIZER_FOLDER).iterdir()),
        "config": dict(recorded),
    }
    text = json.dumps(values, indent=1) + "\n"
    (path / STATE_FILE).write_text(text, encoding="utf8")
