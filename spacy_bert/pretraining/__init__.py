"""Pretraining: text -> checkpoints, with masked pieces and next sentences."""

from .config import PretrainingConfig
from .faults import DivergenceError
from .loop import pretrain
from .state import TrainingState

__all__ = ["DivergenceError", "PretrainingConfig", "TrainingState", "pretrain"]
