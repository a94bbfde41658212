"""Documents -> sentences of piece ids, and where words begin in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from ...tokenization import WordPiece
from ..text.corpus import Sentence, Splitter, held_out_draw

# Characters that are split and tokenized at a time: 4 % faster with four times as
# many, which take 35 MB more.
_BLOCK_CHARS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class TokenizedDocument:
    """sentences: piece ids, none of them empty; there may be no sentence.
    word_starts: for each of them, (n_pieces,), or nothing where words are not found."""

    lines: list[str]
    draw: float
    sentences: list[list[int]]
    word_starts: list[NDArray[np.bool_]]


def tokenize(
    documents: Iterable[list[str]], wordpiece: WordPiece, splitter: Splitter | None
) -> Iterator[list[TokenizedDocument]]:
    """In blocks. Documents are lists of lines, each a sentence without a splitter."""
    for block in _blocks(documents):
        paragraphs = list(chain.from_iterable(block))
        split = splitter.split if splitter else _one_a_line
        by_line = split(paragraphs)
        sentences = list(chain.from_iterable(by_line))
        finds_words = splitter is not None and splitter.finds_words
        encode = _encode_with_words if finds_words else _encode
        encoded = iter(encode(sentences, wordpiece))
        n_sentences = iter(map(len, by_line))
        yield [
            _document(lines, islice(encoded, sum(islice(n_sentences, len(lines)))))
            for lines in block
        ]


def starts_of_words(
    first_characters: NDArray[np.int32], word_starts: Sequence[int]
) -> NDArray[np.bool_]:
    """Whether each piece of a sentence lies in another word than the one before it.

    Words from 0 and 4, pieces from 0, 2, 4 -> True, False, True.
    """
    words = np.searchsorted(np.asarray(word_starts), first_characters, side="right")
    return np.diff(words, prepend=-1) != 0


# The ids of a sentence, and which of them begin a word, where that is asked for.
_Encoded = tuple[list[int], NDArray[np.bool_] | None]


def _encode(sentences: list[Sentence], wordpiece: WordPiece) -> Iterator[_Encoded]:
    for ids in wordpiece.encode_ids([sentence.text for sentence in sentences]):
        yield ids, None


def _encode_with_words(
    sentences: list[Sentence], wordpiece: WordPiece
) -> Iterator[_Encoded]:
    spans = wordpiece.encode_batch([sentence.text for sentence in sentences])
    for sentence, span in zip(sentences, spans, strict=True):
        starts = starts_of_words(span.offsets[:, 0], sentence.word_starts)
        yield span.ids.tolist(), starts


def _document(lines: list[str], encoded: Iterable[_Encoded]) -> TokenizedDocument:
    kept = [(ids, starts) for ids, starts in encoded if ids]
    return TokenizedDocument(
        lines=lines,
        draw=held_out_draw(lines),
        sentences=[ids for ids, _ in kept],
        word_starts=[starts for _, starts in kept if starts is not None],
    )


def _one_a_line(lines: list[str]) -> list[list[Sentence]]:
    return [[Sentence(line)] for line in lines]


def _blocks(documents: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    block: list[list[str]] = []
    n_chars = 0
    for lines in documents:
        block.append(lines)
        n_chars += sum(map(len, lines))
        if n_chars >= _BLOCK_CHARS:
            yield block
            block, n_chars = [], 0
    if block:
        yield block
