"""The tokenizer in a checkpoint's folder, read as `transformers` reads it.

`tokenizer.json` goes before `vocab.txt`. With a class of BERT's, what
`tokenizer_config.json` says of case, accents and Chinese characters, or BERT's defaults
if it is silent, goes before the normalizer in `tokenizer.json`.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .added import collect_added
from .special import CLS, AddedPiece, SpecialPieces
from .templates import PairFormat, read_templates
from .tokenizer import JSON_FILE, PREFIX_SPACE, SETTINGS_FILE, PieceTokenizer
from .wordpiece import MAX_CHARS_PER_WORD, VOCAB_FILE, WordPiece, read_pieces

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
            tokenizer = _read_json(path, settings, kind, asked)
        else:
            tokenizer = _read_vocab(path, settings, asked)
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


def _read_json(
    path: Path, settings: Mapping[str, Any], kind: str, asked: dict[str, bool]
) -> PieceTokenizer:
    file = path / JSON_FILE
    description = read_settings(file)
    try:
        cls, sep, pairs = read_templates(description)
        special = _read_special(description, settings, cls=cls, sep=sep)
        added = collect_added(path, settings, description)
        if _is_wordpiece(description) and pairs == PairFormat():
            return _make_wordpiece(
                description, settings, kind, asked, special=special, added=added
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
    kind: str,
    asked: Mapping[str, bool],
    *,
    special: SpecialPieces,
    added: list[AddedPiece],
) -> WordPiece:
    model, normalizer = description["model"], description["normalizer"]
    ids = {i: piece for piece, i in model["vocab"].items()}
    ids |= {piece.id: piece.text for piece in added}
    if kind in _BERT_CLASSES:
        found = _bert_settings(settings)
    else:
        found = {
            "lowercase": normalizer["lowercase"],
            "strip_accents": normalizer["strip_accents"],
            "split_chinese": normalizer["handle_chinese_chars"],
        }
    return WordPiece(
        [ids.get(i, f"[unused {i}]") for i in range(max(ids) + 1)],
        **{**found, **asked},
        max_chars_per_word=model["max_input_chars_per_word"],
        special=special,
        added=[piece for piece in added if not _is_usual(piece, special)],
    )


def _read_vocab(
    path: Path, settings: Mapping[str, Any], asked: Mapping[str, bool]
) -> WordPiece:
    file = path / VOCAB_FILE
    if not file.is_file():
        others = [name for name in _CONVERTIBLE if (path / name).is_file()]
        advice = _ADVICE.format(path=str(path)) if others else "Copy one of them there."
        raise FileNotFoundError(
            f"{path}: expected {JSON_FILE} or {VOCAB_FILE}, found "
            f"{' and '.join(others) or 'neither'}. {advice}"
        )
    kind = _check_class(path, settings)
    if kind not in _BERT_CLASSES:
        raise ValueError(
            f"{path}: expected a {JSON_FILE}, as its tokenizer is {kind}, found "
            f"{VOCAB_FILE} alone. {_ADVICE.format(path=str(path))}"
        )
    pieces = read_pieces(file)
    model = {"vocab": {piece: i for i, piece in enumerate(pieces)}}
    added = collect_added(path, settings, {"model": model})
    bert = {name: str(piece) for name, piece in asdict(SpecialPieces()).items()}
    special = _read_special({"model": model}, {**_as_tokens(bert), **settings})
    outside = [piece for piece in added if not piece.in_vocabulary]
    expected = list(range(len(pieces), len(pieces) + len(outside)))
    if [piece.id for piece in outside] != expected:
        raise ValueError(
            f"{path}: expected added pieces of the ids {expected}, behind the "
            f"{len(pieces):,} of {VOCAB_FILE}, got {[piece.id for piece in outside]}. "
            f"{_ADVICE.format(path=str(path))}"
        )
    try:
        return WordPiece(
            [*pieces, *(piece.text for piece in outside)],
            **{**_bert_settings(settings), **asked},
            max_chars_per_word=MAX_CHARS_PER_WORD,
            special=special,
            added=[piece for piece in added if not _is_usual(piece, special)],
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _bert_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lowercase": settings.get("do_lower_case", True),
        "strip_accents": settings.get("strip_accents"),
        "split_chinese": settings.get("tokenize_chinese_chars", True),
    }


def _read_special(
    description: Mapping[str, Any], settings: Mapping[str, Any], **found: str
) -> SpecialPieces:
    """Their names: `found`, else by the settings, else what BERT calls them or
    ("<mask>") other models do, as far as the vocabulary has it."""
    vocab = description["model"]["vocab"]
    known = set(vocab) if isinstance(vocab, dict) else {piece for piece, _ in vocab}
    known |= {token["content"] for token in description.get("added_tokens", ())}
    names: dict[str, str | None] = {}
    for name, default in asdict(SpecialPieces()).items():
        token = settings.get(f"{name}_token")
        given = token.get("content") if isinstance(token, dict) else token
        usual = f"<{name}>" if found.get("cls", CLS).startswith("<") else default
        names[name] = given or (usual if usual in known else None)
    if unk := description["model"].get("unk_token"):
        names["unk"] = unk
    return SpecialPieces(**{**names, **found})  # type: ignore[arg-type]


def _as_tokens(special: Mapping[str, str]) -> dict[str, str]:
    """As settings name them."""
    return {f"{name}_token": piece for name, piece in special.items()}


def _is_usual(piece: AddedPiece, special: SpecialPieces) -> bool:
    """A special piece that each tokenizer has among those that were added."""
    has_rules = piece.single_word or piece.lstrip or piece.rstrip
    is_special = piece.text in asdict(special).values()
    return is_special and piece.in_vocabulary and not has_rules


def _to_json(piece: AddedPiece) -> dict[str, Any]:
    values = asdict(piece)
    del values["in_vocabulary"]
    values["content"] = values.pop("text")
    return values


def _warn_of_capitals(path: Path, tokenizer: PieceTokenizer) -> None:
    if not tokenizer.settings.get("lowercase"):
        return
    words = [p for p in tokenizer.pieces if not p.startswith("[") and p != p.lower()]
    if len(words) > _MANY_CAPITALS * tokenizer.n_pieces:
        logger.warning(
            "%s: text is lower-cased, as nothing there says otherwise, but %s of the "
            "%s pieces have capitals (%s), which no text can have then. If the model "
            "is a cased one, set lowercase = false.",
            path,
            f"{len(words):,}",
            f"{tokenizer.n_pieces:,}",
            ", ".join(words[:3]),
        )
