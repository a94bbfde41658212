"""Extending a vocabulary: texts -> the pieces that spare them the most pieces.

A candidate is any run of pieces that a word is split into, the whole word among them.
It spares (pieces in the run - 1) each time it occurs. The best one is taken, the words
with it are split again, so that the runs inside it count less from then on, and so on.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from .special import UNK
from .wordpiece import WordPiece

# Different words that are kept. What is rarer spares little in a text that has more.
MAX_WORDS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How texts are split: pieces a word, and the fraction of words that are [UNK]."""

    pieces_per_word: float
    unknown_ratio: float


@dataclass(frozen=True, kw_only=True)
class Extension:
    """`wordpiece` has the new pieces behind the old ones, the best first; `replaced`,
    for each of them, the ids of the old pieces that it replaces."""

    wordpiece: WordPiece
    new_pieces: list[str]
    replaced: list[list[int]]
    before: Coverage
    after: Coverage


def extend_wordpiece(
    wordpiece: WordPiece, texts: Iterable[str], *, n_new: int, min_frequency: int = 2
) -> Extension:
    """Add at most `n_new` pieces; fewer if no others occur `min_frequency` times.

    The ids of the old pieces stay, and [unused...] pieces are left to those who use
    them. An [UNK] counts like two pieces, as it is worth one to know what was there.
    The same texts give the same pieces.
    """
    ids = {piece: i for i, piece in enumerate(wordpiece.pieces)}
    counts, n_known = _count_words(wordpiece, texts, ids)
    new = _choose(counts, set(ids), n_new, min_frequency)
    return Extension(
        wordpiece=wordpiece.extended(new),
        new_pieces=new,
        replaced=[[ids[old] for old in split_word(piece, ids)] for piece in new],
        before=_measure(counts, n_known, ids),
        after=_measure(counts, n_known, {*ids, *new}),
    )


def split_word(word: str, pieces: Collection[str]) -> list[str]:
    """As WordPiece does it, the longest piece first. "unable" -> ["un", "##able"]. What
    begins with ## is split as the rest of a word."""
    split, start = [], 2 if word.startswith("##") else 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in pieces:
                break
        else:
            return [UNK]
        split.append(piece)
        start = end
    return split


def _count_words(
    wordpiece: WordPiece, texts: Iterable[str], pieces: Collection[str]
) -> tuple[Counter[str], int]:
    """How often each word occurs that is no piece, and how many words are pieces."""
    counts: Counter[str] = Counter()
    n_known = 0
    for text in texts:
        words = wordpiece.words(text)
        other = [word for word in words if word not in pieces]
        n_known += len(words) - len(other)
        # The longest are [UNK] whatever the vocabulary has.
        longest = wordpiece.max_chars_per_word
        counts.update(word for word in other if len(word) <= longest)
        if len(counts) > 4 * MAX_WORDS:
            counts = _most_frequent(counts)
    return _most_frequent(counts), n_known


def _most_frequent(counts: Counter[str]) -> Counter[str]:
    return Counter(dict(counts.most_common(MAX_WORDS)))


def _choose(
    counts: Counter[str], pieces: set[str], n_new: int, min_frequency: int
) -> list[str]:
    """The new pieces, the best first; they are added to `pieces` too."""
    splits = {word: split_word(word, pieces) for word in counts}
    spared: Counter[str] = Counter()
    words_with: defaultdict[str, list[str]] = defaultdict(list)
    for word, split in splits.items():
        for run, n in _runs(word, split):
            spared[run] += n * counts[word]
            words_with[run].append(word)
    queue = [(-n, run) for run, n in spared.items()]
    heapify(queue)
    new: list[str] = []
    while queue and len(new) < n_new:
        n, best = heappop(queue)
        # What a run spares only falls, so that the rest of the queue can wait.
        if spared[best] < -n:
            heappush(queue, (-spared[best], best))
            continue
        each = max(len(split_word(best, pieces)) - 1, 1)
        if spared[best] < min_frequency * each:
            continue
        new.append(best)
        pieces.add(best)
        for word in words_with.pop(best):
            for run, n in _runs(word, splits[word]):
                spared[run] -= n * counts[word]
            splits[word] = split_word(word, pieces)
            for run, n in _runs(word, splits[word]):
                spared[run] += n * counts[word]
    return new


def _runs(word: str, split: list[str]) -> Iterator[tuple[str, int]]:
    """Each run of pieces, and how many it spares. un ##aff ##able -> (unaff, 1),
    (unaffable, 2), (##affable, 1)"""
    if split == [UNK]:
        yield word, 1
    for i, run in enumerate(split):
        for n, piece in enumerate(split[i + 1 :], start=1):
            run += piece[2:]
            yield run, n


def _measure(counts: Counter[str], n_known: int, pieces: Collection[str]) -> Coverage:
    n_words = max(n_known + counts.total(), 1)
    n_pieces, n_unknown = n_known, 0
    for word, n in counts.items():
        split = split_word(word, pieces)
        n_pieces += n * len(split)
        n_unknown += n * (split == [UNK])
    return Coverage(
        pieces_per_word=n_pieces / n_words, unknown_ratio=n_unknown / n_words
    )
