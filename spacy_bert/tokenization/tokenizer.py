"""A subword tokenizer: texts -> piece ids and the characters that each piece covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer


@dataclass(frozen=True, kw_only=True)
class PieceSpans:
    """The pieces of one text, without [CLS] and [SEP].

    ids: int32, (n_pieces,).
    offsets: int32, (n_pieces, 2): first and one past the last character of the text.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int32]


class PieceTokenizer:
    """A vocabulary and how text is split into its pieces.

    Special pieces that are written out in a text, such as "[MASK]", are plain text
    here: what a user writes cannot end a sequence.
    """

    pieces: tuple[str, ...]
    pad_id: int
    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    _tokenizer: Tokenizer

    @property
    def settings(self) -> dict[str, bool | None]:
        """How text is normalized, by the names of [vocabulary]; empty if the tokenizer
        does not say so in these terms."""
        return {}

    @property
    def n_pieces(self) -> int:
        return len(self.pieces)

    def save(self, path: Path) -> None:
        """Write the files that `transformers` reads into a folder."""
        raise NotImplementedError

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

    def decode(self, ids: Sequence[int]) -> str:
        """Pieces joined into readable text; special pieces stay visible."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text


def _to_spans(encoding: Encoding) -> PieceSpans:
    return PieceSpans(
        ids=np.asarray(encoding.ids, dtype=np.int32),
        offsets=np.asarray(encoding.offsets, dtype=np.int32).reshape(-1, 2),
    )
