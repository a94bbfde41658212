"""A vocabulary and texts -> which of their words are [UNK]."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from .wordpiece import WordPiece

_N_TEXTS = 1024
# Different unknown words that are kept while they are counted.
_MAX_WORDS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class UnknownWords:
    """n_words: all words, punctuation marks among them. n_unknown: how many are [UNK].
    examples: unknown words as they are written, with how often, the most frequent ones.
    n_characters: how many different characters of theirs are in no piece."""

    n_words: int
    n_unknown: int
    examples: list[tuple[str, int]]
    n_characters: int

    @property
    def ratio(self) -> float:
        return self.n_unknown / max(self.n_words, 1)


def find_unknown(
    wordpiece: WordPiece, texts: Iterable[str], *, n_examples: int = 10
) -> UnknownWords:
    """Read the texts once."""
    known = set("".join(wordpiece.pieces))
    n_words = n_unknown = 0
    counts: Counter[str] = Counter()
    characters: set[str] = set()
    texts = iter(texts)
    while some := list(islice(texts, _N_TEXTS)):
        by_text = wordpiece.encode_ids(some)
        ids = np.fromiter(chain.from_iterable(by_text), np.int64)
        n_words += int(wordpiece.begins_word[ids].sum())
        n_unknown += int((ids == wordpiece.unk_id).sum())
        unknown = _unknown_words(
            wordpiece,
            [
                text
                for text, ids in zip(some, by_text, strict=True)
                if wordpiece.unk_id in ids
            ],
        )
        counts.update(unknown)
        for word in {*unknown}:
            characters.update(chain.from_iterable(wordpiece.words(word)))
        if len(counts) > _MAX_WORDS:
            counts = Counter(dict(counts.most_common(_MAX_WORDS // 2)))
    return UnknownWords(
        n_words=n_words,
        n_unknown=n_unknown,
        examples=counts.most_common(n_examples),
        n_characters=len(characters - known),
    )


def _unknown_words(wordpiece: WordPiece, texts: list[str]) -> list[str]:
    return [
        text[start:end]
        for text, spans in zip(texts, wordpiece.encode_batch(texts), strict=True)
        for start, end in spans.offsets[spans.ids == wordpiece.unk_id]
    ]
