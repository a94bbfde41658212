"""WordPiece: text -> piece ids, and corpus -> vocabulary."""

from .extension import Extension, extend_wordpiece
from .files import load_wordpiece, read_settings, save_wordpiece
from .training import train_wordpiece
from .unknown import UnknownWords, find_unknown
from .wordpiece import PieceSpans, WordPiece

__all__ = [
    "Extension",
    "PieceSpans",
    "UnknownWords",
    "WordPiece",
    "extend_wordpiece",
    "find_unknown",
    "load_wordpiece",
    "read_settings",
    "save_wordpiece",
    "train_wordpiece",
]
