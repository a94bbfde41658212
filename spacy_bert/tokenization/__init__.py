"""WordPiece: text -> piece ids, and corpus -> vocabulary."""

from .files import load_wordpiece, read_settings, save_wordpiece
from .training import train_wordpiece
from .wordpiece import PieceSpans, WordPiece

__all__ = [
    "PieceSpans",
    "WordPiece",
    "load_wordpiece",
    "read_settings",
    "save_wordpiece",
    "train_wordpiece",
]
