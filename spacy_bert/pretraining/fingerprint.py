"""What an index was made of, so that a change is noticed and named."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..tokenization import WordPiece
from .config import CorpusConfig

FORMAT_VERSION = 1

_READ_BYTES = 1 << 20


def make_fingerprint(
    files: Sequence[Path], *, corpus: CorpusConfig, wordpiece: WordPiece
) -> dict[str, Any]:
    """Plain values, fit for JSON. Files go by name, size and content, not by place."""
    return {
        "format": FORMAT_VERSION,
        "files": [[file.name, file.stat().st_size, _hash_file(file)] for file in files],
        "vocabulary": hash_wordpiece(wordpiece),
        "sentences": corpus.splitting,
        "held_out_prob": corpus.held_out_prob,
    }


def describe_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """What differs, in words; None where nothing does."""
    changes = []
    if old.get("files") != new["files"]:
        changes.append(_describe_files(old.get("files", []), new["files"]))
    for key, name in (
        ("format", "the format of the index"),
        ("vocabulary", "the vocabulary"),
        ("sentences", "[corpus] sentences"),
        ("held_out_prob", "[corpus] held_out_prob"),
    ):
        if old.get(key) == new[key]:
            continue
        is_hash = key == "vocabulary"
        values = "" if is_hash else f" from {old.get(key)!r} to {new[key]!r}"
        changes.append(f"{name} changed{values}")
    return "; ".join(changes) or None


def hash_wordpiece(wordpiece: WordPiece) -> str:
    digest = hashlib.blake2b("\n".join(wordpiece.pieces).encode("utf8"), digest_size=16)
    settings = (wordpiece.lowercase, wordpiece.strip_accents, wordpiece.split_chinese)
    digest.update(repr(settings).encode("utf8"))
    return digest.hexdigest()


def _describe_files(old: Sequence[Any], new: Sequence[Any]) -> str:
    before, after = ({name: rest for name, *rest in files} for files in (old, new))
    for name, rest in after.items():
        if name in before and before[name] != rest:
            return f"the corpus file {name} changed"
    if len(old) != len(new):
        return f"the corpus had {len(old)} files and has {len(new)}"
    return "the corpus files have other names or another order"


def _hash_file(file: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
