"""A tokenizer in a folder, in the files that `transformers` reads and writes."""

import json
from pathlib import Path
from typing import Any

from .wordpiece import VOCAB_FILE, WordPiece


def load_tokenizer(path: Path) -> WordPiece:
    """Read `vocab.txt` and, if it is there, `tokenizer_config.json`.

    Without the latter, text is lower-cased, as `transformers` does.
    """
    if not (path / VOCAB_FILE).is_file():
        raise FileNotFoundError(
            f"{path}: no {VOCAB_FILE}. A BERT folder holds its WordPiece vocabulary "
            "there; a folder with another tokenizer is not a BERT."
        )
    settings_path = path / "tokenizer_config.json"
    settings = {}
    if settings_path.is_file():
        settings = read_settings(settings_path)
    # Null strips accents when lower-casing; the others have no such third value.
    if settings.get("strip_accents", True) is None:
        del settings["strip_accents"]
    for name in ("do_lower_case", "strip_accents", "tokenize_chinese_chars"):
        if not isinstance(settings.get(name, True), bool):
            raise ValueError(
                f"{settings_path}: {name} must be true or false, got "
                f"{settings[name]!r}."
            )
    return WordPiece.from_file(
        path / VOCAB_FILE,
        lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        split_chinese=settings.get("tokenize_chinese_chars", True),
    )


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
