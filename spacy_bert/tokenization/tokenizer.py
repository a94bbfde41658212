"""A subword tokenizer: texts -> piece ids and the characters that each piece covers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from .special import MASK, SpecialPieces
from .templates import PairFormat, read_templates

JSON_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
# A setting that goes before what a tokenizer.json says.
PREFIX_SPACE = "add_prefix_space"


@dataclass(frozen=True, kw_only=True)
class PieceSpans:
    """The pieces of one text, without [CLS] and [SEP].

    ids: int32, (n_pieces,).
    offsets: int32, (n_pieces, 2): first and one past the last character of the text.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int32]


class PieceTokenizer:
    """A tokenizer of any kind, as a `tokenizer.json` describes it.

    Special pieces that are written out in a text, such as "[MASK]", are plain text
    here: what a user writes cannot end a sequence. Words that were added to the
    vocabulary are found in texts, also if they were added as special ones.

    pieces: the text of each id.
    special: the names of the special pieces. pairs: how two texts become one sequence.
    """

    pieces: tuple[str, ...]
    special: SpecialPieces
    pairs: PairFormat
    _tokenizer: Tokenizer

    def __init__(self, description: str, special: SpecialPieces) -> None:
        """description: the text of a `tokenizer.json`.

        Raises ValueError if it is damaged, or puts something else around a text than
        [CLS] and [SEP], whatever their names.
        """
        self._description = description
        parsed = json.loads(description)
        cls, sep, self.pairs = read_templates(parsed)
        names = asdict(special) | {"cls": cls, "sep": sep}
        self.special = SpecialPieces(**names)
        self.pieces = _list_pieces(parsed)
        assert self.special_ids  # Raises the error of one that is missing.
        self._tokenizer = self._build()

    @property
    def settings(self) -> dict[str, bool | None]:
        """How text is normalized, by the names of [vocabulary]; empty if the tokenizer
        does not say so in these terms."""
        return {}

    @property
    def further_rules(self) -> str:
        """What else than pieces and settings decides how text is split."""
        return self._description

    @property
    def n_pieces(self) -> int:
        return len(self.pieces)

    @property
    def pad_id(self) -> int:
        return 0 if self.special.pad is None else self._id(self.special.pad)

    @property
    def unk_id(self) -> int | None:
        """None if each text can be written in pieces."""
        return None if self.special.unk is None else self._id(self.special.unk)

    @property
    def cls_id(self) -> int:
        return self._id(self.special.cls)

    @property
    def sep_id(self) -> int:
        return self._id(self.special.sep)

    @property
    def mask_id(self) -> int:
        """Raises ValueError if there is no such piece."""
        if self.special.mask is None:
            raise ValueError(
                "Expected a vocabulary with a piece for masks, found none. If it has "
                "one under a name of its own, write that as mask_token into the "
                f"checkpoint's {SETTINGS_FILE}."
            )
        return self._id(self.special.mask)

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """[PAD], [UNK], [CLS], [SEP] and [MASK], as far as there are such pieces."""
        names = asdict(self.special).values()
        return frozenset(self._id(name) for name in names if name is not None)

    @cached_property
    def begins_word(self) -> NDArray[np.bool_]:
        """Which pieces begin a word, (n_pieces,): those before which there was a space
        or, in WordPiece, those without "##"."""
        marked = [piece.startswith(("\u2581", "\u0120")) for piece in self.pieces]
        return np.array(marked) | np.isin(np.arange(self.n_pieces), [*self.special_ids])

    def word(self, piece_id: int) -> str:
        """The text of a piece, without what says that it begins a word or does not."""
        return self.pieces[piece_id].lstrip("\u2581\u0120")

    def encode(self, text: str) -> PieceSpans:
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[PieceSpans]:
        return [
            _to_spans(encoding)
            for encoding in self._tokenizer.encode_batch(
                list(texts), add_special_tokens=False
            )
        ]

    def encode_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Piece ids alone: cheaper if nobody asks which characters they cover."""
        encodings = self._tokenizer.encode_batch_fast(
            list(texts), add_special_tokens=False
        )
        return [encoding.ids for encoding in encodings]

    def encode_masked(self, text: str) -> list[int]:
        """Piece ids of a text in which [MASK], written so for each model, is a mask."""
        ids: list[int] = []
        *befores, last = text.split(MASK)
        for before in befores:
            before = before.rstrip() if self._mask_takes_space else before
            ids += [*self.encode_ids([before])[0], self.mask_id]
        return ids + self.encode_ids([last])[0]

    def decode(self, ids: Sequence[int]) -> str:
        """Pieces joined into readable text; special pieces stay visible, that of masks
        as [MASK]."""
        pieces = [
            MASK if self.pieces[i] == self.special.mask else self.pieces[i] for i in ids
        ]
        decoder = self._tokenizer.decoder
        text: str = decoder.decode(pieces) if decoder else " ".join(pieces)
        return text

    @property
    def description(self) -> str:
        """What is in the `tokenizer.json` that `transformers` reads: there special
        pieces are read in texts, and [CLS] and [SEP] added."""
        return self._description

    def state(self) -> dict[str, Any]:
        """Plain values, of which `restore_tokenizer` makes the same again."""
        return {"description": self._description, "special": asdict(self.special)}

    def save(self, path: Path, *, max_length: int) -> None:
        """Write the files that `transformers` reads into a folder.

        max_length: of a sequence, in pieces, to which `transformers` truncates.
        """
        (path / JSON_FILE).write_text(self.description, encoding="utf8")
        settings = self._saved_settings() | {"model_max_length": max_length}
        for name, piece in asdict(self.special).items():
            if piece is not None:
                settings[f"{name}_token"] = piece
        text = json.dumps(settings, indent=2, ensure_ascii=False)
        (path / SETTINGS_FILE).write_text(f"{text}\n", encoding="utf8")

    def _saved_settings(self) -> dict[str, Any]:
        splitter = json.loads(self._description).get("pre_tokenizer") or {}
        settings = {PREFIX_SPACE: splitter.get(PREFIX_SPACE, False)}
        return {"tokenizer_class": "PreTrainedTokenizerFast", **settings}

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        del state["_tokenizer"]
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._tokenizer = self._build()

    def _build(self) -> Tokenizer:
        """What splits texts: as described, with special pieces under names that no
        text has."""
        parsed = json.loads(self._description)
        hidden = self._hidden_names()
        parsed |= {"truncation": None, "padding": None}
        for added in parsed.get("added_tokens", ()):
            added["content"] = hidden.get(added["content"], added["content"])
        model = parsed["model"]
        vocab = model["vocab"]
        if isinstance(vocab, dict):
            model["vocab"] = {hidden.get(p, p): i for p, i in vocab.items()}
        else:
            model["vocab"] = [[hidden.get(p, p), score] for p, score in vocab]
        if model.get("unk_token") is not None:
            model["unk_token"] = hidden.get(model["unk_token"], model["unk_token"])
        return Tokenizer.from_str(json.dumps(parsed))

    def _hidden_names(self) -> dict[str, str]:
        names = asdict(self.special).values()
        return {name: token_hex(16) for name in names if name is not None}

    @cached_property
    def _mask_takes_space(self) -> bool:
        """Whether a mask takes the space before it with it."""
        for token in json.loads(self._description).get("added_tokens", ()):
            if token["content"] == self.special.mask:
                return bool(token.get("lstrip"))
        # As in RoBERTa, whose vocabularies have this name for it.
        return self.special.mask == "<mask>"

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {piece: i for i, piece in enumerate(self.pieces)}

    def _id(self, piece: str) -> int:
        try:
            return self._ids[piece]
        except KeyError:
            raise ValueError(
                f"Expected the special piece {piece!r} among the {self.n_pieces:,} "
                f"pieces of the vocabulary, found none. Correct {SETTINGS_FILE}."
            ) from None


def _list_pieces(description: Mapping[str, Any]) -> tuple[str, ...]:
    """By id. Ids that no piece has get a name that no text has."""
    vocab = description["model"]["vocab"]
    if isinstance(vocab, dict):
        ids = {i: piece for piece, i in vocab.items()}
    else:
        ids = {i: piece for i, (piece, _) in enumerate(vocab)}
    ids |= {a["id"]: a["content"] for a in description.get("added_tokens", ())}
    return tuple(ids.get(i, f"[unused {i}]") for i in range(max(ids, default=-1) + 1))


def _to_spans(encoding: Encoding) -> PieceSpans:
    return PieceSpans(
        ids=np.asarray(encoding.ids, dtype=np.int32),
        offsets=np.asarray(encoding.offsets, dtype=np.int32).reshape(-1, 2),
    )
