"""WordPiece, the tokenizer of BERT (Devlin et al. 2018, section 3)."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece as WordPieceModel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from .special import AddedPiece, SpecialPieces
from .templates import PairFormat
from .tokenizer import PieceTokenizer

VOCAB_FILE = "vocab.txt"

# Longer words become [UNK]. transformers has 100, google-research/bert has 200.
MAX_CHARS_PER_WORD = 100

# Size of a vocab.txt. LaBSE's, one of the largest, has 501,153 pieces in 5.2 MB.
MAX_BYTES = 2**24


class WordPiece(PieceTokenizer):
    """A vocabulary and how text is normalized before it is looked up."""

    def __init__(
        self,
        pieces: Sequence[str],
        *,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_chinese: bool = True,
        max_chars_per_word: int = MAX_CHARS_PER_WORD,
        special: SpecialPieces | None = None,
        added: Sequence[AddedPiece] = (),
    ) -> None:
        """`strip_accents=None` strips them when lower-casing, as the original does.

        pieces: those that were added among them. max_chars_per_word: a longer word is
        [UNK].

        Raises ValueError if a special piece is missing or a piece comes twice.
        """
        self.pieces = tuple(pieces)
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.split_chinese = split_chinese
        self.max_chars_per_word = max_chars_per_word
        self.special = special or SpecialPieces()
        self.pairs = PairFormat()
        self.added = tuple(sorted(added, key=lambda piece: piece.id))
        self._check_pieces()
        self._tokenizer = self._build()

    @classmethod
    def from_file(cls, path: Path, **settings: Any) -> "WordPiece":
        """Read a `vocab.txt`: UTF-8, a piece a line, ids counted from 0.

        settings: further arguments.
        """
        try:
            return cls(read_pieces(path), **settings)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @property
    def settings(self) -> dict[str, bool | None]:
        return {
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "split_chinese": self.split_chinese,
        }

    @property
    def further_rules(self) -> str:
        rules = (self.max_chars_per_word, self.special, self.added)
        usual = (MAX_CHARS_PER_WORD, SpecialPieces(), ())
        return "" if rules == usual else repr(rules)

    @cached_property
    def begins_word(self) -> NDArray[np.bool_]:
        return np.array([not piece.startswith("##") for piece in self.pieces])

    def word(self, piece_id: int) -> str:
        return self.pieces[piece_id].removeprefix("##")

    @cached_property
    def _mask_takes_space(self) -> bool:
        return False

    def words(self, text: str) -> list[str]:
        """What is split into pieces: normalized, without spaces, punctuation alone."""
        normalized = self._tokenizer.normalizer.normalize_str(text)
        words = self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)
        return [word for word, _ in words]

    def extended(self, new: Sequence[str]) -> "WordPiece":
        """The same with pieces behind the others."""
        return WordPiece(
            (*self.pieces, *new),
            **self.settings,  # type: ignore[arg-type]
            max_chars_per_word=self.max_chars_per_word,
            special=self.special,
            # Only what words are split into may be in the middle of a vocabulary.
            added=[replace(piece, in_vocabulary=True) for piece in self.added],
        )

    def state(self) -> dict[str, Any]:
        return {
            "pieces": list(self.pieces),
            **self.settings,
            "max_chars_per_word": self.max_chars_per_word,
            "special": asdict(self.special),
            "added": [asdict(piece) for piece in self.added],
        }

    def save(self, path: Path, *, max_length: int) -> None:
        """Also `vocab.txt`, which older tools read."""
        super().save(path, max_length=max_length)
        (path / VOCAB_FILE).write_text(
            "".join(f"{piece}\n" for piece in self.pieces), encoding="utf8"
        )

    def _saved_settings(self) -> dict[str, Any]:
        tokens = {
            str(piece.id): {
                "content": piece.text,
                "single_word": piece.single_word,
                "lstrip": piece.lstrip,
                "rstrip": piece.rstrip,
                "normalized": piece.normalized,
                "special": piece.special,
            }
            for piece in self._list_added()
        }
        return {
            "added_tokens_decoder": tokens,
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.lowercase,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.split_chinese,
        }

    @property
    def description(self) -> str:
        tokenizer = self._build_model({})
        tokenizer.add_tokens([piece.to_token() for piece in self._list_added()])
        cls, sep = self.special.cls, self.special.sep
        tokenizer.post_processor = TemplateProcessing(
            single=f"{cls}:0 $A:0 {sep}:0",
            pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
            special_tokens=[(cls, self.cls_id), (sep, self.sep_id)],
        )
        text: str = tokenizer.to_str(pretty=True)
        return text

    def _list_added(self) -> list[AddedPiece]:
        """The special pieces, too."""
        added = {piece.id: piece for piece in self.added}
        for i in self.special_ids:
            text = self.pieces[i]
            new = AddedPiece(id=i, text=text, normalized=False, special=True)
            added.setdefault(i, new)
        return [added[i] for i in sorted(added)]

    def _build(self) -> Tokenizer:
        hidden = self._hidden_names()
        tokenizer = self._build_model(hidden)
        tokenizer.add_tokens(
            [piece.to_token(text=hidden.get(piece.text)) for piece in self.added]
        )
        return tokenizer

    def _build_model(self, names: dict[str, str]) -> Tokenizer:
        """names: of pieces that are called otherwise."""
        outside = {piece.id for piece in self.added if not piece.in_vocabulary}
        vocab = {
            names.get(piece, piece): i
            for i, piece in enumerate(self.pieces)
            if i not in outside
        }
        unk = str(self.special.unk)
        tokenizer = Tokenizer(
            WordPieceModel(
                vocab,
                unk_token=names.get(unk, unk),
                max_input_chars_per_word=self.max_chars_per_word,
            )
        )
        tokenizer.normalizer = make_normalizer(
            lowercase=self.lowercase,
            strip_accents=self.strip_accents,
            split_chinese=self.split_chinese,
        )
        tokenizer.pre_tokenizer = BertPreTokenizer()
        tokenizer.decoder = WordPieceDecoder(prefix="##")
        return tokenizer

    def _check_pieces(self) -> None:
        names = [name for name in asdict(self.special).values() if name is not None]
        missing = [name for name in names if name not in self._ids]
        if missing:
            raise ValueError(
                f"A BERT vocabulary has the pieces {', '.join(names)}; "
                f"{', '.join(missing)} not found among {len(self.pieces)} pieces. If "
                "they have other names, or blanks behind them, correct the file or say "
                "so in tokenizer_config.json (pad_token, unk_token, ...)."
            )
        if len(self._ids) != len(self.pieces):
            ids = self._ids
            twice = next(p for i, p in enumerate(self.pieces) if ids[p] != i)
            raise ValueError(
                f"The piece {twice!r} is in the vocabulary twice. Give one of the two "
                "another name, such as [unused0], and leave it in its line."
            )


def read_pieces(path: Path) -> list[str]:
    """The lines of a `vocab.txt`, without empty ones at the end. Raises ValueError if
    it is no such file."""
    pieces = [line.rstrip("\r") for line in _read_text(Path(path)).split("\n")]
    while pieces and not pieces[-1]:
        pieces.pop()
    return pieces


def make_normalizer(
    *, lowercase: bool, strip_accents: bool | None, split_chinese: bool
) -> BertNormalizer:
    return BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )


def _read_text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(
            f"{path}: expected a vocabulary of at most {MAX_BYTES:,} bytes, got "
            f"{path.stat().st_size:,}. Is this a vocab.txt, with a piece on each line?"
        )
    try:
        text = path.read_text(encoding="utf8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: a vocabulary is UTF-8 text, but byte {error.start} is not."
        ) from error
    if text.startswith("\ufeff"):
        raise ValueError(
            f"{path}: expected UTF-8 without a byte order mark, which would be part of "
            "the first piece. Save the file without it."
        )
    return text
