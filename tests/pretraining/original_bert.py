"""What create_pretraining_data.py (google-research/bert) does, told plainly and slowly:
a witness for `faithful = true`."""

from random import Random

Pair = tuple[list[int], list[int], bool]


def pairs_of(
    documents: list[list[list[int]]],
    *,
    n_pieces: int,
    short_prob: float,
    random: Random,
) -> list[Pair]:
    """A, B and whether B is random, of documents of sentences of pieces."""
    pairs = []
    for number, sentences in enumerate(documents):
        target = n_pieces
        if random.random() < short_prob:
            target = random.randint(2, n_pieces)
        start = 0
        while start < len(sentences):
            stop = start + 1
            while stop < len(sentences) and _size(sentences[start:stop]) < target:
                stop += 1
            split = random.randint(start + 1, stop - 1) if stop - start > 1 else stop
            a, b = sum(sentences[start:split], []), sum(sentences[split:stop], [])
            is_random = split == stop or random.random() < 0.5
            if is_random:
                b = _random_second(documents, number, target - len(a), random)
            shorten(a, b, n_pieces, random)
            pairs.append((a, b, is_random))
            start = split if is_random else stop
    return pairs


def shorten(a: list[int], b: list[int], n_pieces: int, random: Random) -> None:
    while len(a) + len(b) > n_pieces:
        longer = a if len(a) > len(b) else b
        longer.pop(0 if random.random() < 0.5 else -1)


def masks_of(
    pieces: list[str], *, order: list[int], n_masked: int, whole_words: bool
) -> set[int]:
    """The positions that are hidden when the candidates come in this order."""
    words: list[list[int]] = []
    for position, piece in enumerate(pieces):
        if piece in ("[CLS]", "[SEP]"):
            continue
        if whole_words and words and piece.startswith("##"):
            words[-1].append(position)
        else:
            words.append([position])
    hidden: set[int] = set()
    for i in order:
        if len(hidden) + len(words[i]) <= n_masked:
            hidden.update(words[i])
    return hidden


def _random_second(
    documents: list[list[list[int]]], own: int, n_wanted: int, random: Random
) -> list[int]:
    for _ in range(10):
        other = random.randrange(len(documents))
        if other != own:
            break
    sentences = documents[other]
    start = random.randrange(len(sentences))
    stop = start + 1
    while stop < len(sentences) and _size(sentences[start:stop]) < n_wanted:
        stop += 1
    return sum(sentences[start:stop], [])


def _size(sentences: list[list[int]]) -> int:
    return sum(map(len, sentences))
