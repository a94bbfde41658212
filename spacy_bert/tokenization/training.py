"""Learning a vocabulary: texts -> the pieces of a `vocab.txt`."""

import re
from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer
from tokenizers.models import WordPiece as WordPieceModel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

from .special import SPECIAL_PIECES, UNK
from .wordpiece import MAX_CHARS_PER_WORD, WordPiece, make_normalizer

# Private characters, which no normalized text has. A character that is a word of its
# own is written as _MARK and a code, so that the trainer joins the two if the word is
# frequent, as it joins the pieces of other words.
_MARK = "\ue000"
_CODES = [chr(code) for code in range(0xF0000, 0xFFFFE)]
# A longer piece saves a piece each time it occurs. An [UNK] loses what the character
# says: it counts like so many pieces.
_WEIGHT = 4
_PAIR = re.compile(r"(?=(\S[^\w\s]))")
# Such words are [UNK] whatever their pieces, and take the square of their length.
_TOO_LONG = re.compile(rf"\b\w{{{MAX_CHARS_PER_WORD + 1},}}")


def train_wordpiece(
    texts: Iterable[str],
    *,
    vocab_size: int,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    split_chinese: bool = True,
    min_frequency: int = 2,
    show_progress: bool = False,
) -> WordPiece:
    """A vocabulary of at most `vocab_size` pieces, the special ones first.

    `texts` are read twice; an iterator, which cannot be, is held in memory. Single
    characters take up to half of the vocabulary, the most frequent first. Others
    that are words of their own, such as Chinese characters, are in it if they are a
    fourth as frequent as the longer pieces; the rest becomes [UNK]. The
    same texts give the same vocabulary.

    Raises ValueError if there is no text or no room next to the special pieces.
    """
    if vocab_size < 2 * len(SPECIAL_PIECES):
        raise ValueError(
            f"vocab_size must leave room next to the {len(SPECIAL_PIECES)} special "
            f"pieces: got {vocab_size}. A few thousand is usual for a small corpus."
        )
    texts = list(texts) if iter(texts) is texts else texts
    normalizer = make_normalizer(
        lowercase=lowercase, strip_accents=strip_accents, split_chinese=split_chinese
    )
    counts, inner = _count_characters(texts, normalizer)
    characters = sorted(counts, key=lambda c: (-counts[c], c))
    n_kept = (vocab_size - len(SPECIAL_PIECES)) // 2
    coded = [
        c
        for c in characters[n_kept:]
        if counts[c] >= min_frequency and _is_own_word(c, normalizer)
    ]
    codes = dict(zip(coded, _CODES, strict=False))
    replaced = dict.fromkeys(characters[n_kept:], " ")
    replaced |= {c: f" {_MARK}{code} " * _WEIGHT for c, code in codes.items()}
    table = str.maketrans(replaced)
    helpers = [_MARK, *codes.values(), *(f"##{code}" for code in codes.values())]
    tokenizer = Tokenizer(WordPieceModel(unk_token=UNK))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(
        vocab_size=vocab_size + len(helpers),
        min_frequency=min_frequency,
        # The trainer numbers characters in the order of a hash table, which changes
        # from run to run, and settles ties by number. Given here, they have fixed ids.
        special_tokens=[
            *SPECIAL_PIECES,
            *_alphabet(characters[:n_kept], inner, normalizer),
            *helpers,
        ],
        show_progress=show_progress,
    )
    normalized = (normalizer.normalize_str(text).translate(table) for text in texts)
    tokenizer.train_from_iterator(
        (_TOO_LONG.sub(" ", text) for text in normalized), trainer
    )
    ids = tokenizer.get_vocab()
    decoded = {f"{_MARK}{code}": c for c, code in codes.items()}
    for helper in helpers:
        del ids[helper]
    return WordPiece(
        [decoded.get(piece, piece) for piece in sorted(ids, key=lambda p: ids[p])],
        lowercase=lowercase,
        strip_accents=strip_accents,
        split_chinese=split_chinese,
    )


def _count_characters(
    texts: Iterable[str], normalizer: BertNormalizer
) -> tuple[Counter[str], set[str]]:
    """How often each one occurs, and which of those that are no letters or digits do so
    inside of a word."""
    counts: Counter[str] = Counter()
    pairs: set[str] = set()
    for text in texts:
        normalized = normalizer.normalize_str(text)
        counts.update(normalized)
        # All that is ASCII and no letter or digit is punctuation.
        if not normalized.isascii():
            pairs.update(_PAIR.findall(normalized))
    for space in [c for c in counts if c.isspace()]:
        del counts[space]
    if not counts:
        raise ValueError(
            "The texts hold no words, so there is nothing to learn a vocabulary from."
        )
    return counts, {p[1] for p in pairs if not _is_own_word(p[0], normalizer)}


def _alphabet(
    characters: list[str], inner: set[str], normalizer: BertNormalizer
) -> list[str]:
    """The characters as they begin and as they continue a word."""
    beginning = sorted(characters)
    continuing = [
        c
        for c in beginning
        if (c.isalnum() or c in inner) and not _is_own_word(c, normalizer)
    ]
    return [*beginning, *(f"##{c}" for c in continuing)]


def _is_own_word(character: str, normalizer: BertNormalizer) -> bool:
    """Whether it is always a word of its own, as punctuation is, and a Chinese
    character if these are split."""
    text = normalizer.normalize_str(f"a{character}a")
    return len(BertPreTokenizer().pre_tokenize_str(text)) == 3
