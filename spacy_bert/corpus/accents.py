"""Whether accents are stripped: by the language of the text for a new vocabulary, and
by the pieces of a `vocab.txt` that is read."""

from functools import lru_cache
from pathlib import Path
from unicodedata import category, normalize

from ..tokenization import WordPiece

# spaCy's codes of the languages in which marks tell words apart. In spaCy's example
# sentences and stop words for these, stripping changes more than 1 % of the letters, or
# more than 1 % of the different words become equal to others: the limits of
# `LostAccents`, which a test measures again. Korean is not among them: stripping takes
# its syllables apart, and no letter is lost. "xx" is no single language.
KEEP_ACCENTS = frozenset(
    "ar az bn bo ca cs da de dsb el es et fi fr ga gd grc gu hi hr hsb ht hu is it ja "
    "kmr kn ky lb lij lt lv ml mr nb ne nn pl pt ro ru sa si sk sl sq sv ta te th tr "
    "tt uk ur vi yo".split()
)


def choose_strip_accents(
    asked: bool | None, *, lowercase: bool, lang: str
) -> bool | None:
    """What a vocabulary is learned with. asked: the setting. None: as `lowercase`,
    which is BERT's default."""
    if asked is None and lowercase and lang in KEEP_ACCENTS:
        return False
    return asked


def read_vocab_file(
    path: Path,
    *,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    split_chinese: bool = True,
) -> WordPiece:
    """A `vocab.txt` alone does not say how it was learned. If strip_accents is None,
    accents are kept if a piece has one: it would never occur in stripped text.

    Raises ValueError if it is not a vocabulary.
    """

    def read(strip: bool | None) -> WordPiece:
        return WordPiece.from_file(
            path, lowercase=lowercase, strip_accents=strip, split_chinese=split_chinese
        )

    wordpiece = read(strip_accents)
    if strip_accents is None and lowercase:
        if any(map(has_accent, set("".join(wordpiece.pieces)))):
            return read(False)
    return wordpiece


@lru_cache(maxsize=1 << 16)
def has_accent(character: str) -> bool:
    """Whether stripping drops or changes it, because it is or has a nonspacing mark."""
    return any(category(part) == "Mn" for part in normalize("NFD", character))


def strip_accents(word: str) -> str:
    """As BERT does; what has no accent is composed, so that spellings compare equal."""
    parts = (part for part in normalize("NFD", word) if category(part) != "Mn")
    return normalize("NFC", "".join(parts))
