"""Docs -> pieces of their texts, and which tokens each piece belongs to.

Pieces come from the raw text, as in pretraining, not token by token. A piece belongs to
every token with which it shares a character, so a token may have several pieces (most),
a piece several tokens (rare), and a token none (white space).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc

from ..ranges import expand_ranges
from ..tokenization import PieceSpans, PieceTokenizer
from .segments import RECORD_SEPARATOR, find_border


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The pieces of a batch of Docs, end to end.

    piece_ids: int32, (n_pieces,).
    doc_ends: int64, (n_docs,); one past the last piece of each Doc.
    second_segments: int64, (n_docs,); where a Doc's second segment begins (counted
        through the batch), -1 if there is one text.
    pair_pieces, pair_tokens: int64, (n_pairs,); piece and token (both counted through
        the batch) that share a character, sorted by piece.
    n_tokens: in the batch.
    """

    piece_ids: NDArray[np.int32]
    doc_ends: NDArray[np.int64]
    second_segments: NDArray[np.int64]
    pair_pieces: NDArray[np.int64]
    pair_tokens: NDArray[np.int64]
    n_tokens: int


def align(
    docs: Sequence[Doc], tokenizer: PieceTokenizer, *, pair_separator: str | None = None
) -> Alignment:
    """pair_separator: what is between the two segments of a pair; None: no pairs."""
    texts = [doc.text for doc in docs]
    borders = [find_border(text, pair_separator) for text in texts]
    spans = tokenizer.encode_batch([_with_spaces(t, pair_separator) for t in texts])
    doc_ends = np.cumsum([len(span.ids) for span in spans])
    # Characters are counted through the batch, so that one search serves all Docs:
    # texts "ab", "c" -> bases [0, 3]; no piece can touch a token of the next text.
    bases = np.cumsum([0] + [len(text) + 1 for text in texts[:-1]])
    token_starts, token_ends = _token_bounds(docs, bases)
    piece_starts, piece_ends = _piece_bounds(spans, bases)
    first = np.searchsorted(token_ends, piece_starts, side="right")
    stop = np.searchsorted(token_starts, piece_ends, side="left")
    n_tokens_of_piece = np.maximum(stop - first, 0)
    return Alignment(
        piece_ids=np.concatenate([span.ids for span in spans]),
        doc_ends=doc_ends,
        second_segments=_second_segments(borders, spans, doc_ends),
        pair_pieces=np.repeat(np.arange(len(first)), n_tokens_of_piece),
        pair_tokens=expand_ranges(first, n_tokens_of_piece),
        n_tokens=len(token_starts),
    )


def _with_spaces(text: str, pair_separator: str | None) -> str:
    """BERT drops control characters, so a piece could reach over the border of two
    segments."""
    text = text.replace(RECORD_SEPARATOR, " ")
    return text.replace(pair_separator, " ") if pair_separator else text


def _second_segments(
    borders: Sequence[int | None],
    spans: Sequence[PieceSpans],
    doc_ends: NDArray[np.int64],
) -> NDArray[np.int64]:
    begins = np.full(len(borders), -1)
    for i, (border, span) in enumerate(zip(borders, spans, strict=True)):
        if border is not None:
            n_second = int((span.offsets[:, 0] > border).sum())
            begins[i] = doc_ends[i] - n_second
    return begins


def _token_bounds(
    docs: Sequence[Doc], bases: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one past the last character of each token, through the batch."""
    bounds = np.concatenate([doc.to_array([IDX, LENGTH]) for doc in docs])
    bounds = bounds.astype(np.int64)
    starts = bounds[:, 0] + np.repeat(bases, [len(doc) for doc in docs])
    return starts, starts + bounds[:, 1]


def _piece_bounds(
    spans: Sequence[PieceSpans], bases: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one past the last character of each piece, through the batch."""
    offsets = np.concatenate([span.offsets for span in spans]).astype(np.int64)
    offsets += np.repeat(bases, [len(span.ids) for span in spans])[:, None]
    return offsets[:, 0], offsets[:, 1]
