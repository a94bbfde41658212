"""A folder's `vocab.txt` -> a WordPiece."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .added import collect_added
from .special import SpecialPieces, is_usual, read_special
from .wordpiece import VOCAB_FILE, WordPiece, read_pieces


def read_vocab(
    path: Path, settings: Mapping[str, Any], asked: Mapping[str, bool]
) -> WordPiece:
    """settings, asked: as `json_file.read_json` takes them.

    Raises ValueError if the file is damaged, or pieces were added with other ids than
    those behind it.
    """
    file = path / VOCAB_FILE
    pieces = read_pieces(file)
    model = {"vocab": {piece: i for i, piece in enumerate(pieces)}}
    added = collect_added(path, settings, {"model": model})
    usual = {f"{name}_token": text for name, text in asdict(SpecialPieces()).items()}
    special = read_special({"model": model}, {**usual, **settings})
    outside = [piece for piece in added if not piece.in_vocabulary]
    expected = list(range(len(pieces), len(pieces) + len(outside)))
    if [piece.id for piece in outside] != expected:
        raise ValueError(
            f"{path}: expected added pieces of the ids {expected}, behind the "
            f"{len(pieces):,} of {VOCAB_FILE}, got {[piece.id for piece in outside]}. "
            "Correct added_tokens.json."
        )
    try:
        return WordPiece(
            [*pieces, *(piece.text for piece in outside)],
            **{**bert_settings(settings), **asked},
            special=special,
            added=[piece for piece in added if not is_usual(piece, special)],
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def bert_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `tokenizer_config.json` says, or BERT's defaults, by the names of
    [vocabulary]."""
    return {
        "lowercase": settings.get("do_lower_case", True),
        "strip_accents": settings.get("strip_accents"),
        "split_chinese": settings.get("tokenize_chinese_chars", True),
    }
