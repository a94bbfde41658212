"""WordPiece, the tokenizer of BERT (Devlin et al. 2018, section 3)."""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece as WordPieceModel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from .tokenizer import PieceTokenizer

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_PIECES = (PAD, UNK, CLS, SEP, MASK)

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
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self._ids[piece] for piece in SPECIAL_PIECES
        )
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
    def settings(self) -> dict[str, bool | None]:
        return {
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "split_chinese": self.split_chinese,
        }

    def words(self, text: str) -> list[str]:
        """What is split into pieces: normalized, without spaces, punctuation alone."""
        normalized = self._tokenizer.normalizer.normalize_str(text)
        words = self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)
        return [word for word, _ in words]

    def save(self, path: Path) -> None:
        """Also `vocab.txt`, which older tools read."""
        (path / VOCAB_FILE).write_text(
            "".join(f"{piece}\n" for piece in self.pieces), encoding="utf8"
        )
        # Its own `save` reports a full disk as a bare Exception.
        tokenizer = self.hugging_face_tokenizer().to_str(pretty=True)
        (path / "tokenizer.json").write_text(tokenizer, encoding="utf8")
        settings = {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.lowercase,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.split_chinese,
            "unk_token": UNK,
            "sep_token": SEP,
            "pad_token": PAD,
            "cls_token": CLS,
            "mask_token": MASK,
        }
        (path / "tokenizer_config.json").write_text(
            json.dumps(settings, indent=2) + "\n", encoding="utf8"
        )

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
