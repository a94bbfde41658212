"""Pieces that were added to a vocabulary, wherever a folder names them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from json import loads
from pathlib import Path
from typing import Any

from .special import AddedPiece

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
# The second is the name since transformers 5.
_LISTS = ("additional_special_tokens", "extra_special_tokens")


def collect_added(
    path: Path, settings: Mapping[str, Any], description: Mapping[str, Any]
) -> list[AddedPiece]:
    """By id, each once, as `transformers` collects them: from `tokenizer.json`, the
    settings, and what older versions wrote.

    settings: of `tokenizer_config.json`. description: of `tokenizer.json`; without that
        file it has a vocabulary alone.

    Raises ValueError if two files give a piece different ids.
    """
    vocab = description["model"]["vocab"]
    if not isinstance(vocab, dict):
        vocab = {piece: i for i, (piece, _) in enumerate(vocab)}
    found: dict[str, AddedPiece] = {}
    for piece in _list_all(path, settings, description):
        if piece.id < 0:
            known = found[piece.text].id if piece.text in found else None
            i = vocab.get(piece.text, known)
            ids = {*vocab.values(), *(p.id for p in found.values())}
            piece = replace(piece, id=max(ids, default=-1) + 1 if i is None else i)
        piece = replace(piece, in_vocabulary=piece.text in vocab)
        first = found.setdefault(piece.text, piece)
        expected = vocab.get(piece.text, first.id)
        if piece.id != expected:
            raise ValueError(
                f"{path}: expected the id {expected} for {piece.text!r} in all files, "
                f"got {piece.id}. The files come from different models."
            )
    return sorted(found.values(), key=lambda piece: piece.id)


def _list_all(
    path: Path, settings: Mapping[str, Any], description: Mapping[str, Any]
) -> Iterator[AddedPiece]:
    """Those whose id is not said have -1."""
    for token in description.get("added_tokens", ()):
        yield _make(token["id"], token)
    for i, token in settings.get("added_tokens_decoder", {}).items():
        yield _make(int(i), token)
    old = path / "added_tokens.json"
    if "added_tokens_decoder" not in settings and old.is_file():
        special = {token["content"]: token for token in _list_special(settings)}
        for text, i in loads(old.read_text(encoding="utf8")).items():
            yield _make(i, special.get(text, {"content": text}))
    for token in _list_special(settings):
        yield _make(-1, token)


def _list_special(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that are not [PAD], [UNK], [CLS], [SEP] or [MASK]."""
    for name in _LISTS:
        listed = settings.get(name) or ()
        # Version 5 also has an object of names and pieces there.
        for token in listed.values() if isinstance(listed, dict) else listed:
            given = token if isinstance(token, dict) else {"content": token}
            yield {"normalized": False, "special": True, **given}


def _make(i: int, token: Mapping[str, Any]) -> AddedPiece:
    flags = {name: token[name] for name in _FLAGS if name in token}
    return AddedPiece(id=i, text=token["content"], **flags)
