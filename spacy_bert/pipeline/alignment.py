"""Docs -> pieces of their texts, and which tokens each piece belongs to.

Pieces come from the raw text, as in pretraining, not token by token. A piece belongs to
every token with which it shares a character, so a token may have several pieces (most),
a piece several tokens (rare), and a token none (white space).
"""

from collections.abc import Iterator, Sequence
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
    # Two segments are split apart, as each may begin or end in its own way.
    firsts = [text[:border] for text, border in zip(texts, borders, strict=True)]
    seconds = [
        text[border + 1 :]
        for text, border in zip(texts, borders, strict=True)
        if border is not None
    ]
    segments = [_with_spaces(text, pair_separator) for text in (*firsts, *seconds)]
    encoded = tokenizer.encode_batch(segments)
    spans = _join(encoded[: len(texts)], iter(encoded[len(texts) :]), borders)
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
        second_segments=_second_segments(borders, encoded, doc_ends),
        pair_pieces=np.repeat(np.arange(len(first)), n_tokens_of_piece),
        pair_tokens=expand_ranges(first, n_tokens_of_piece),
        n_tokens=len(token_starts),
    )


def _with_spaces(text: str, pair_separator: str | None) -> str:
    """BERT drops control characters, so a piece could reach over what was one."""
    text = text.replace(RECORD_SEPARATOR, " ")
    return text.replace(pair_separator, " ") if pair_separator else text


def _second_segments(
    borders: Sequence[int | None],
    encoded: Sequence[PieceSpans],
    doc_ends: NDArray[np.int64],
) -> NDArray[np.int64]:
    """encoded: the second segments behind as many first ones as there are Docs."""
    begins = np.full(len(borders), -1)
    pairs = [i for i, border in enumerate(borders) if border is not None]
    for i, second in zip(pairs, encoded[len(borders) :], strict=True):
        begins[i] = doc_ends[i] - len(second.ids)
    return begins


def _join(
    firsts: Sequence[PieceSpans],
    seconds: Iterator[PieceSpans],
    borders: Sequence[int | None],
) -> list[PieceSpans]:
    """The pieces of each Doc, with offsets into its whole text."""
    joined = []
    for span, border in zip(firsts, borders, strict=True):
        if border is not None:
            second = next(seconds)
            span = PieceSpans(
                ids=np.concatenate([span.ids, second.ids]),
                offsets=np.concatenate([span.offsets, second.offsets + border + 1]),
            )
        joined.append(span)
    return joined


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
