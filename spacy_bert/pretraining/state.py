"""What continuing a run exactly takes, beside its weights; in the checkpoint's folder.

`training_state.json` has the step, the place in the data, the best loss and the
settings; `training_state.safetensors` the optimizer's moments and torch's generators.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..checkpoint import save_checkpoint
from ..folders import replacing
from ..model import BertForPretraining
from ..tokenization import WordPiece
from .batches import Place

STATE_FILE = "training_state.json"
TENSORS_FILE = "training_state.safetensors"


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """step: steps finished.
    n_epochs: how often they went through the text.
    seconds: how long they took, with all that the loop does between them.
    share: of the run that is done, from 0 to 1.
    best_loss: the lowest held-out MLM loss so far.
    mean_loss: of recent steps, by which an explosion is known.
    """

    step: int = 0
    place: Place = field(default_factory=Place)
    n_epochs: float = 0.0
    seconds: float = field(default=0.0, compare=False)
    share: float = field(default=0.0, compare=False)
    best_loss: float | None = None
    mean_loss: float | None = None


def save_run(
    path: Path,
    model: BertForPretraining,
    wordpiece: WordPiece,
    *,
    optimizers: Sequence[torch.optim.Optimizer] = (),
    state: TrainingState | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Replace the checkpoint at `path`, with the state of its training if there is one.

    Raises OSError, with the previous checkpoint whole, where it cannot be written.
    """
    try:
        with replacing(path) as new:
            save_checkpoint(new, model, wordpiece)
            if state is not None:
                _save_state(new, model, optimizers, state, settings or {})
    except (OSError, SafetensorError) as error:
        before = "The previous one is whole" if path.exists() else "There is none yet"
        raise OSError(
            f"The checkpoint {path} could not be written ({error}). {before}. Make "
            "room or change the folder's permissions, then run again with --resume."
        ) from error


def read_state(path: Path) -> tuple[TrainingState, dict[str, Any]]:
    """The state and the settings of the run. Raises ValueError where they are damaged
    and FileNotFoundError where there are none."""
    file = path / STATE_FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected a checkpoint of an earlier run in {path}, found no "
            f"{STATE_FILE}. Start without --resume."
        )
    try:
        values = json.loads(file.read_text(encoding="utf8"))
        settings, place = values.pop("settings"), Place(**values.pop("place"))
        state = TrainingState(step=values.pop("step"), place=place, **values)
        return state, settings
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is damaged ({error!r}). Start over with --overwrite."
        ) from error


def load_tensors(
    path: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> None:
    """Put the moments into the optimizers, and torch's generators where they were.

    Raises ValueError where the file is damaged or of another model.
    """
    file = path / TENSORS_FILE
    try:
        tensors = load_file(file)
        parameters = dict(model.named_parameters())
        for optimizer in optimizers:
            optimizer.state.clear()
        owners = {p: o for o in optimizers for g in o.param_groups for p in g["params"]}
        for key, stored in tensors.items():
            moment, _, name = key.partition(".")
            if name:
                p = parameters[name]
                # Copies, as what lies in the file is not aligned.
                owners[p].state[p][moment] = stored.to(p.device, copy=True)
    except (SafetensorError, KeyError, OSError) as error:
        raise ValueError(
            f"{file} is damaged ({error}). Start over with --overwrite."
        ) from error
    torch.set_rng_state(tensors["torch_rng"].clone())
    if "cuda_rng" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda_rng"].clone(), _device(model))


def _save_state(
    path: Path,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    state: TrainingState,
    settings: Mapping[str, Any],
) -> None:
    tensors: dict[str, Tensor] = {"torch_rng": torch.get_rng_state()}
    if _device(model).type == "cuda":
        tensors["cuda_rng"] = torch.cuda.get_rng_state(_device(model))
    for name, parameter in model.named_parameters():
        for optimizer in optimizers:
            for moment, tensor in optimizer.state.get(parameter, {}).items():
                stored = tensor.detach().cpu().contiguous()
                tensors[f"{moment}.{name}"] = stored
    save_file(tensors, path / TENSORS_FILE)
    values = {**asdict(state), "settings": dict(settings)}
    text = json.dumps(values, indent=1) + "\n"
    (path / STATE_FILE).write_text(text, encoding="utf8")


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
