"""The tokenizer in a checkpoint's folder, read as `transformers` reads it.

`tokenizer.json` goes before `vocab.txt`. With a class of BERT's, what
`tokenizer_config.json` says of case, accents and Chinese characters, or BERT's defaults
if it is silent, goes before the normalizer in `tokenizer.json`.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .json_file import read_json, read_settings
from .special import AddedPiece, SpecialPieces
from .tokenizer import JSON_FILE, SETTINGS_FILE, PieceTokenizer
from .vocab_file import read_vocab
from .wordpiece import VOCAB_FILE, WordPiece

logger = logging.getLogger(__name__)

# Those whose settings go before what `tokenizer.json` says, and those that take it as
# it is. Other classes have rules that it does not show, or need other software.
_BERT_CLASSES = (
    *("BertTokenizer", "ConvBertTokenizer", "DistilBertTokenizer"),
    *("ElectraTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer"),
)
_JSON_CLASSES = (
    *("PreTrainedTokenizerFast", "TokenizersBackend", "AlbertTokenizer"),
    *("CamembertTokenizer", "RobertaTokenizer", "XLMRobertaTokenizer"),
)
_SETTINGS = {
    "lowercase": "do_lower_case",
    "strip_accents": "strip_accents",
    "split_chinese": "tokenize_chinese_chars",
}
# Files that are not read, but of which transformers makes a tokenizer.json.
_CONVERTIBLE = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "vocab.json")
_ADVICE = (
    "Where transformers is installed, transformers.AutoTokenizer.from_pretrained("
    f"{{path!r}}).save_pretrained({{path!r}}) writes a {JSON_FILE} next to it, which "
    "can be read."
)
# A vocabulary of lower-case text has none, one of cased text has them in a fourth of
# its pieces.
_MANY_CAPITALS = 0.01


def load_tokenizer(
    path: Path,
    *,
    lowercase: bool | None = None,
    strip_accents: bool | None = None,
    split_chinese: bool | None = None,
) -> PieceTokenizer:
    """Read the files of a folder.

    lowercase, strip_accents, split_chinese: instead of what the folder says. If nothing
        says so, text is lower-cased, as `transformers` does.

    Raises FileNotFoundError if there is no tokenizer, and ValueError for one that is
    damaged, cannot be read as `transformers` reads it, or has no such settings.
    """
    settings = _read_settings(path)
    kind = _check_class(path, settings)
    given = {
        "lowercase": lowercase,
        "strip_accents": strip_accents,
        "split_chinese": split_chinese,
    }
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        if (path / JSON_FILE).is_file():
            tokenizer = read_json(path, settings, asked, is_bert=kind in _BERT_CLASSES)
        elif (path / VOCAB_FILE).is_file() and kind in _BERT_CLASSES:
            tokenizer = read_vocab(path, settings, asked)
        else:
            raise FileNotFoundError(_describe_missing(path, kind))
    except KeyError as error:
        raise ValueError(f"{path / JSON_FILE} lacks {error}.") from error
    if "do_lower_case" not in settings and "lowercase" not in asked:
        _warn_of_capitals(path, tokenizer)
    return tokenizer


def restore_tokenizer(state: Mapping[str, Any]) -> PieceTokenizer:
    """The opposite of `PieceTokenizer.state`."""
    special = SpecialPieces(**state["special"])
    if "description" in state:
        return PieceTokenizer(state["description"], special)
    added = [AddedPiece(**piece) for piece in state["added"]]
    return WordPiece(**{**state, "special": special, "added": added})


def _read_settings(path: Path) -> dict[str, Any]:
    """Those of the tokenizer, and the class from `config.json` if they name none."""
    file = path / SETTINGS_FILE
    settings = read_settings(file) if file.is_file() else {}
    # Null strips accents when lower-casing; the others have no such third value.
    if settings.get("strip_accents", True) is None:
        del settings["strip_accents"]
    for name in _SETTINGS.values():
        if not isinstance(settings.get(name, True), bool):
            raise ValueError(
                f"{file}: {name} must be true or false, got {settings[name]!r}."
            )
    config = path / "config.json"
    if "tokenizer_class" not in settings and config.is_file():
        settings["tokenizer_class"] = read_settings(config).get("tokenizer_class")
    special = path / "special_tokens_map.json"
    if "added_tokens_decoder" not in settings and special.is_file():
        settings |= {k: v for k, v in read_settings(special).items() if v is not None}
    return settings


def _check_class(path: Path, settings: Mapping[str, Any]) -> str:
    """Its name, without "Fast". Raises ValueError for one that cannot be read."""
    name = settings.get("tokenizer_class") or _BERT_CLASSES[0]
    kind = str(name)
    if kind not in _JSON_CLASSES:
        kind = kind.removesuffix("Fast")
    own = "auto_map" in settings and "AutoTokenizer" in settings["auto_map"]
    if own or kind not in (*_BERT_CLASSES, *_JSON_CLASSES):
        split = settings.get("word_tokenizer_type")
        words = f", which splits words with {split}" if split else ""
        raise ValueError(
            f"{path}: expected one of BERT's tokenizers, or one that a {JSON_FILE} "
            f"describes whole, got {'code of its own' if own else name}{words}. It "
            "cannot be read as transformers reads it. Use spacy-transformers for this "
            "model, or one with another tokenizer."
        )
    return kind


def _describe_missing(path: Path, kind: str) -> str:
    names = [name for name in (VOCAB_FILE, *_CONVERTIBLE) if (path / name).is_file()]
    advice = _ADVICE.format(path=str(path)) if names else "Copy one of them there."
    wanted = JSON_FILE if names else f"{JSON_FILE} or {VOCAB_FILE}"
    return (
        f"{path}: expected {wanted} for its tokenizer, {kind}, found "
        f"{' and '.join(names) or 'neither'}. {advice}"
    )


def _warn_of_capitals(path: Path, tokenizer: PieceTokenizer) -> None:
    if not tokenizer.settings.get("lowercase"):
        return
    words = [p for p in tokenizer.pieces if not p.startswith("[") and p != p.lower()]
    if len(words) > _MANY_CAPITALS * tokenizer.n_pieces:
        logger.warning(
            "%s: text is lower-cased, as nothing there says otherwise, but %s of the "
            "%s pieces have capitals (%s), which no text can have then. If the model "
            'is a cased one, write {"do_lower_case": false} into %s, or set '
            "lowercase = false where the checkpoint is named.",
            path,
            f"{len(words):,}",
            f"{tokenizer.n_pieces:,}",
            ", ".join(words[:3]),
            path / SETTINGS_FILE,
        )
