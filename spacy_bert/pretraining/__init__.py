"""Pretraining: text -> checkpoints, with masked pieces and next sentences."""

from typing import TYPE_CHECKING

from ..lazy import import_on_use

__all__ = ["DivergenceError", "PretrainingConfig", "TrainingState", "pretrain"]

if TYPE_CHECKING:
    from .config import PretrainingConfig
    from .training.divergence import DivergenceError
    from .training.loop import pretrain
    from .training.state import TrainingState
else:
    # Processes that build the index do without torch.
    __getattr__ = import_on_use(
        __name__,
        {
            "DivergenceError": "training.divergence",
            "PretrainingConfig": "config",
            "TrainingState": "training.state",
            "pretrain": "training.loop",
        },
    )
