"""Subword tokenization: text -> piece ids, and corpus -> vocabulary."""

from .extension import Extension, extend_wordpiece
from .files import load_tokenizer, read_settings, restore_tokenizer
from .special import AddedPiece, SpecialPieces
from .templates import PairFormat
from .tokenizer import PieceSpans, PieceTokenizer
from .training import train_wordpiece
from .unknown import UnknownWords, find_unknown
from .wordpiece import WordPiece

__all__ = [
    "AddedPiece",
    "Extension",
    "PairFormat",
    "PieceSpans",
    "PieceTokenizer",
    "SpecialPieces",
    "UnknownWords",
    "WordPiece",
    "extend_wordpiece",
    "find_unknown",
    "load_tokenizer",
    "read_settings",
    "restore_tokenizer",
    "train_wordpiece",
]
