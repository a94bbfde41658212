"""Documents -> sentences of piece ids, and where words begin in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from ...tokenization import PieceTokenizer, WordPiece
from ..documents import Sentence, Splitter

# Characters that are split and tokenized at a time: 4 % faster with four times as
# many, which take 35 MB more.
_BLOCK_CHARS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class TokenizedDocument:
    """sentences: piece ids, none of them empty; there may be no sentence.
    word_starts: for each of them, (n_pieces,), or nothing if words are not found."""

    lines: list[str]
    is_held_out: bool
    sentences: list[list[int]]
    word_starts: list[NDArray[np.bool_]]


def tokenize(
    documents: Iterable[tuple[list[str], bool]],
    tokenizer: PieceTokenizer,
    splitter: Splitter | None,
) -> Iterator[list[TokenizedDocument]]:
    """In blocks. Documents are lists of lines, each a sentence without a splitter, and
    whether they are held out."""
    for block in _blocks(documents):
        paragraphs = list(chain.from_iterable(lines for lines, _ in block))
        split = splitter.split if splitter else _one_a_line
        by_line = split(paragraphs)
        sentences = list(chain.from_iterable(by_line))
        finds_words = splitter is not None and splitter.finds_words
        encode = _encode_with_words if finds_words else _encode
        encoded = iter(encode(sentences, tokenizer))
        n_sentences = iter(map(len, by_line))
        yield [
            _document(
                lines,
                is_held_out,
                islice(encoded, sum(islice(n_sentences, len(lines)))),
            )
            for lines, is_held_out in block
        ]


def starts_of_words(
    first_characters: NDArray[np.int32], word_starts: Sequence[int]
) -> NDArray[np.bool_]:
    """Whether each piece of a sentence lies in another word than the one before it.

    Words from 0 and 4, pieces from 0, 2, 4 -> True, False, True.
    """
    words = np.searchsorted(np.asarray(word_starts), first_characters, side="right")
    is_start: NDArray[np.bool_] = np.diff(words, prepend=-1) != 0
    return is_start


# The ids of a sentence, and which of them begin a word, if that is asked for.
_Encoded = tuple[list[int], NDArray[np.bool_] | None]


def _encode(sentences: list[Sentence], tokenizer: PieceTokenizer) -> Iterator[_Encoded]:
    for ids in tokenizer.encode_ids([sentence.text for sentence in sentences]):
        yield ids, None


def _encode_with_words(
    sentences: list[Sentence], tokenizer: PieceTokenizer
) -> Iterator[_Encoded]:
    spans = tokenizer.encode_batch([sentence.text for sentence in sentences])
    for sentence, span in zip(sentences, spans, strict=True):
        first = span.offsets[:, 0]
        if not isinstance(tokenizer, WordPiece):
            first = _skip_spaces(sentence.text, first)
        yield span.ids.tolist(), starts_of_words(first, sentence.word_starts)


def _skip_spaces(text: str, first: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where pieces that begin with a space begin without it: other tokenizers than
    WordPiece have the space before a word in its first piece."""
    visible = [i for i, c in enumerate(text) if not c.isspace()]
    ends = np.array([*visible, len(text)], dtype=np.int32)
    skipped: NDArray[np.int32] = ends[np.searchsorted(ends, first)]
    return skipped


def _document(
    lines: list[str], is_held_out: bool, encoded: Iterable[_Encoded]
) -> TokenizedDocument:
    kept = [(ids, starts) for ids, starts in encoded if ids]
    return TokenizedDocument(
        lines=lines,
        is_held_out=is_held_out,
        sentences=[ids for ids, _ in kept],
        word_starts=[starts for _, starts in kept if starts is not None],
    )


def _one_a_line(lines: list[str]) -> list[list[Sentence]]:
    return [[Sentence(line)] for line in lines]


def _blocks(
    documents: Iterable[tuple[list[str], bool]],
) -> Iterator[list[tuple[list[str], bool]]]:
    block: list[tuple[list[str], bool]] = []
    n_chars = 0
    for lines, is_held_out in documents:
        block.append((lines, is_held_out))
        n_chars += sum(map(len, lines))
        if n_chars >= _BLOCK_CHARS:
            yield block
            block, n_chars = [], 0
    if block:
        yield block
