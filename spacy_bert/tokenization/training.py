"""Learning a vocabulary: texts -> the pieces of a `vocab.txt`."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer
from tokenizers.models import WordPiece as WordPieceModel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

from .wordpiece import (
    MAX_CHARS_PER_WORD,
    SPECIAL_PIECES,
    UNK,
    WordPiece,
    make_normalizer,
)

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
    characters take up to half of the vocabulary, the most frequent first; the others
    become [UNK]. The same texts give the same vocabulary.

    Raises ValueError where there is no text or no room beside the special pieces.
    """
    if vocab_size < 2 * len(SPECIAL_PIECES):
        raise ValueError(
            f"vocab_size must leave room beside the {len(SPECIAL_PIECES)} special "
            f"pieces: got {vocab_size}. A few thousand is usual for a small corpus."
        )
    texts = list(texts) if iter(texts) is texts else texts
    normalizer = make_normalizer(
        lowercase=lowercase, strip_accents=strip_accents, split_chinese=split_chinese
    )
    characters = _frequent_first(texts, normalizer)
    n_kept = (vocab_size - len(SPECIAL_PIECES)) // 2
    dropped = str.maketrans(dict.fromkeys(characters[n_kept:], " "))
    tokenizer = Tokenizer(WordPieceModel(unk_token=UNK))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        # The trainer numbers characters in the order of a hash table, which changes
        # from run to run, and settles ties by number. Given here, they have a place.
        special_tokens=[*SPECIAL_PIECES, *_alphabet(characters[:n_kept])],
        show_progress=show_progress,
    )
    normalized = (normalizer.normalize_str(text).translate(dropped) for text in texts)
    tokenizer.train_from_iterator(
        (_TOO_LONG.sub(" ", text) for text in normalized), trainer
    )
    ids = tokenizer.get_vocab()
    return WordPiece(
        sorted(ids, key=lambda piece: ids[piece]),
        lowercase=lowercase,
        strip_accents=strip_accents,
        split_chinese=split_chinese,
    )


def _frequent_first(texts: Iterable[str], normalizer: BertNormalizer) -> list[str]:
    """The characters of the texts, the most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalizer.normalize_str(text))
    characters = [c for c in counts if not c.isspace()]
    if not characters:
        raise ValueError(
            "The texts hold no words, so there is nothing to learn a vocabulary from."
        )
    return sorted(characters, key=lambda c: (-counts[c], c))


def _alphabet(characters: list[str]) -> list[str]:
    """The characters as they begin and as they continue a word."""
    beginning = sorted(characters)
    # Punctuation is a word of its own, and so is a Chinese character.
    continuing = [c for c in beginning if c.isalnum() and not _stands_alone(c)]
    return [*beginning, *(f"##{c}" for c in continuing)]


def _stands_alone(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK ")
