"""Pretraining: text -> checkpoints, with masked pieces and next sentences."""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["DivergenceError", "PretrainingConfig", "TrainingState", "pretrain"]

if TYPE_CHECKING:
    from .config import PretrainingConfig
    from .training.faults import DivergenceError
    from .training.loop import pretrain
    from .training.state import TrainingState
else:
    _MODULES = {
        "DivergenceError": "training.faults",
        "PretrainingConfig": "config",
        "TrainingState": "training.state",
        "pretrain": "training.loop",
    }

    def __getattr__(name):
        """Import on first use: processes that build the index do without torch."""
        if name in _MODULES:
            return getattr(import_module(f".{_MODULES[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
