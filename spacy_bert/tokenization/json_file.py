"""A folder's `tokenizer.json` -> a tokenizer."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .added import collect_added
from .special import AddedPiece, SpecialPieces, is_usual, read_special
from .templates import PairFormat, read_templates
from .tokenizer import JSON_FILE, PREFIX_SPACE, PieceTokenizer
from .vocab_file import bert_settings
from .wordpiece import WordPiece


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON file's object. Raises ValueError if it holds something else."""
    try:
        settings = json.loads(path.read_text(encoding="utf8"))
    # The second: brackets nested deeper than Python's stack.
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path}: expected an object of settings, got {settings!r}.")
    return settings


def read_json(
    path: Path, settings: Mapping[str, Any], asked: Mapping[str, bool], *, is_bert: bool
) -> PieceTokenizer:
    """settings: of `tokenizer_config.json`. asked: what goes before them, by the names
    of [vocabulary]. is_bert: whether the settings, or BERT's defaults, go before the
    normalizer.

    Raises ValueError if the file is damaged or no such tokenizer can be made.
    """
    file = path / JSON_FILE
    description = read_settings(file)
    try:
        cls, sep, pairs = read_templates(description)
        special = read_special(description, settings, cls=cls, sep=sep)
        added = collect_added(path, settings, description)
        if _is_wordpiece(description) and pairs == PairFormat():
            found = bert_settings(settings) if is_bert else _own_settings(description)
            return _make_wordpiece(
                description, {**found, **asked}, special=special, added=added
            )
        if asked:
            raise ValueError(
                f"expected no {' and '.join(asked)}, as this tokenizer is not BERT's "
                f"WordPiece, got {asked}. Change the normalizer in that file."
            )
        description["added_tokens"] = [_to_json(piece) for piece in added]
        splitter = description.get("pre_tokenizer") or {}
        if PREFIX_SPACE in splitter:
            splitter[PREFIX_SPACE] = settings.get(PREFIX_SPACE, False)
        text = json.dumps(description, ensure_ascii=False)
        tokenizer = PieceTokenizer(text, special)
    except KeyError:
        raise
    # The tokenizers library raises bare Exceptions.
    except Exception as error:
        raise ValueError(f"{file}: {error}") from error
    return tokenizer


def _is_wordpiece(description: Mapping[str, Any]) -> bool:
    """Whether BERT's own rules are all that it has."""
    model, normalizer = description["model"], description.get("normalizer") or {}
    return (
        model.get("type") == "WordPiece"
        and model.get("continuing_subword_prefix") == "##"
        and normalizer.get("type") == "BertNormalizer"
        and normalizer.get("clean_text", True)
        and (description.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
    )


def _make_wordpiece(
    description: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    special: SpecialPieces,
    added: list[AddedPiece],
) -> WordPiece:
    model = description["model"]
    ids = {i: piece for piece, i in model["vocab"].items()}
    ids |= {piece.id: piece.text for piece in added}
    return WordPiece(
        [ids.get(i, f"[unused {i}]") for i in range(max(ids) + 1)],
        **settings,
        max_chars_per_word=model["max_input_chars_per_word"],
        special=special,
        added=[piece for piece in added if not is_usual(piece, special)],
    )


def _own_settings(description: Mapping[str, Any]) -> dict[str, Any]:
    normalizer = description["normalizer"]
    return {
        "lowercase": normalizer["lowercase"],
        "strip_accents": normalizer["strip_accents"],
        "split_chinese": normalizer["handle_chinese_chars"],
    }


def _to_json(piece: AddedPiece) -> dict[str, Any]:
    values = asdict(piece)
    del values["in_vocabulary"]
    values["content"] = values.pop("text")
    return values
