"""Pretraining: text -> checkpoints, with masked pieces and next sentences."""

from .config import PretrainingConfig
from .loop import pretrain
from .optimizer import DivergenceError
from .state import TrainingState

__all__ = ["DivergenceError", "PretrainingConfig", "TrainingState", "pretrain"]
