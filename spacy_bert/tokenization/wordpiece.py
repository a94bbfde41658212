"""WordPiece: texts -> piece ids and the characters that each piece covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece as WordPieceModel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_PIECES = (PAD, UNK, CLS, SEP, MASK)

# Longer words become [UNK]. transformers has 100, google-research/bert has 200.
MAX_CHARS_PER_WORD = 100

# Size of a vocab.txt. LaBSE's, one of the largest, has 501,153 pieces in 5.2 MB.
MAX_BYTES = 2**24


@dataclass(frozen=True, kw_only=True)
class PieceSpans:
    """The pieces of one text, without [CLS] and [SEP].

    ids: int32, (n_pieces,).
    offsets: int32, (n_pieces, 2): first and one past the last character of the text.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int32]


class WordPiece:
    """A vocabulary and how text is normalized before it is looked up.

    Special pieces that are written out in a text, such as "[MASK]", are plain text
    here: what a user writes cannot end a sequence.
    """

    def __init__(
        self,
        pieces: Sequence[str],
        *,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_chinese: bool = True,
    ) -> None:
        """`strip_accents=None` strips them when lower-casing, as the original does.

        Raises ValueError if a special piece is missing or a piece comes twice.
        """
        self.pieces = tuple(pieces)
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.split_chinese = split_chinese
        self._ids = {piece: i for i, piece in enumerate(self.pieces)}
        _check_pieces(self.pieces, self._ids)
        self._tokenizer = self._build_tokenizer()

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_chinese: bool = True,
    ) -> "WordPiece":
        """Read a `vocab.txt`: UTF-8, a piece a line, ids counted from 0."""
        pieces = [line.rstrip("\r") for line in _read_text(Path(path)).split("\n")]
        while pieces and not pieces[-1]:
            pieces.pop()
        try:
            return cls(
                pieces,
                lowercase=lowercase,
                strip_accents=strip_accents,
                split_chinese=split_chinese,
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @property
    def n_pieces(self) -> int:
        return len(self.pieces)

    @property
    def pad_id(self) -> int:
        return self._ids[PAD]

    @property
    def unk_id(self) -> int:
        return self._ids[UNK]

    @property
    def cls_id(self) -> int:
        return self._ids[CLS]

    @property
    def sep_id(self) -> int:
        return self._ids[SEP]

    @property
    def mask_id(self) -> int:
        return self._ids[MASK]

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

    def words(self, text: str) -> list[str]:
        """What is split into pieces: normalized, without spaces, punctuation alone."""
        normalized = self._tokenizer.normalizer.normalize_str(text)
        words = self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)
        return [word for word, _ in words]

    def decode(self, ids: Sequence[int]) -> str:
        """Pieces joined into readable text; special pieces stay visible."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def hugging_face_tokenizer(self) -> Tokenizer:
        """The same with [CLS] and [SEP] added and special pieces read in texts, as
        `transformers` expects of a `tokenizer.json`."""
        tokenizer = self._build_tokenizer()
        tokenizer.add_special_tokens(list(SPECIAL_PIECES))
        tokenizer.post_processor = TemplateProcessing(
            single=f"{CLS}:0 $A:0 {SEP}:0",
            pair=f"{CLS}:0 $A:0 {SEP}:0 $B:1 {SEP}:1",
            special_tokens=[(CLS, self.cls_id), (SEP, self.sep_id)],
        )
        return tokenizer

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        del state["_tokenizer"]
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._tokenizer = self._build_tokenizer()

    def _build_tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(
            WordPieceModel(
                self._ids, unk_token=UNK, max_input_chars_per_word=MAX_CHARS_PER_WORD
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


def _check_pieces(pieces: Sequence[str], ids: dict[str, int]) -> None:
    missing = [piece for piece in SPECIAL_PIECES if piece not in ids]
    if missing:
        raise ValueError(
            f"A BERT vocabulary has the pieces {', '.join(SPECIAL_PIECES)}; "
            f"{', '.join(missing)} not found among {len(pieces)} pieces."
        )
    if len(ids) != len(pieces):
        twice = next(piece for i, piece in enumerate(pieces) if ids[piece] != i)
        raise ValueError(f"The piece {twice!r} is in the vocabulary twice.")


def _to_spans(encoding: Encoding) -> PieceSpans:
    return PieceSpans(
        ids=np.asarray(encoding.ids, dtype=np.int32),
        offsets=np.asarray(encoding.offsets, dtype=np.int32).reshape(-1, 2),
    )
