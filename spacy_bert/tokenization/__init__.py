"""WordPiece: text -> piece ids, and corpus -> vocabulary."""

from .extension import Extension, extend_wordpiece
from .files import load_wordpiece, read_settings, save_wordpiece
from .training import train_wordpiece
from .wordpiece import PieceSpans, WordPiece

__all__ = [
    "Extension",
    "PieceSpans",
    "WordPiece",
    "extend_wordpiece",
    "load_wordpiece",
    "read_settings",
    "save_wordpiece",
    "train_wordpiece",
]
