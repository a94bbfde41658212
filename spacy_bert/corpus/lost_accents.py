"""Texts -> how much of their letters and words is lost if accents are stripped."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from unicodedata import category, normalize

from tokenizers.normalizers import BertNormalizer

from .accents import has_accent, strip_accents

# Above it, the loss is worth a warning.
MOST_LOST = 0.01
# The most frequent words are looked at: as many as a large vocabulary has pieces. Rare
# ones are foreign names, such as José, in any language.
N_WORDS = 1 << 15
# Different words that are kept while they are counted, the most frequent ones.
_MAX_WORDS = 1 << 18
_N_EXAMPLES = 3
_N_IN_EXAMPLE = 3


@dataclass(frozen=True, kw_only=True)
class LostAccents:
    """n_letters: letters and marks; n_changed: how many of them are dropped or become
    another letter. n_words: different words, lower-cased, at most the N_WORDS most
    frequent ones; n_merged: how many fewer there are once accents are stripped.
    examples: words that become equal, the most frequent ones; `changed` is a frequent
    word that changes, and what it becomes, if there is one."""

    n_letters: int
    n_changed: int
    n_words: int
    n_merged: int
    examples: list[tuple[str, ...]]
    changed: tuple[str, str] | None

    @property
    def letter_ratio(self) -> float:
        return self.n_changed / max(self.n_letters, 1)

    @property
    def word_ratio(self) -> float:
        return self.n_merged / max(self.n_words, 1)

    @property
    def is_large(self) -> bool:
        return max(self.letter_ratio, self.word_ratio) > MOST_LOST


class AccentCounter:
    """Counts while somebody else reads."""

    def __init__(self, *, split_chinese: bool = True) -> None:
        self._normalizer = BertNormalizer(
            handle_chinese_chars=split_chinese, strip_accents=False, lowercase=True
        )
        self._characters: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._spaced = _Spaced()

    def watch(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield the same texts."""
        for text in texts:
            # An accent is a part of its letter, or a character of its own: both
            # spellings are one word here.
            normalized = normalize("NFC", self._normalizer.normalize_str(text))
            self._characters.update(normalized)
            self._words.update(normalized.translate(self._spaced).split())
            if len(self._words) > _MAX_WORDS:
                self._words = Counter(dict(self._words.most_common(_MAX_WORDS // 2)))
            yield text

    def result(self) -> LostAccents:
        letters = {c: n for c, n in self._characters.items() if _is_letter(c)}
        words = [w for w in self._words if any(map(_is_letter, w))]
        words.sort(key=lambda w: (-self._words[w], w))
        groups: dict[str, list[str]] = {}
        for word in words[:N_WORDS]:
            groups.setdefault(strip_accents(word), []).append(word)
        merged = [tuple(some[:_N_IN_EXAMPLE]) for some in groups.values() if some[1:]]
        # A pair of frequent words says more than a frequent word and a rare one.
        merged.sort(key=lambda some: (-self._words[some[1]], some))
        changed = (word for word in words if any(map(has_accent, word)))
        return LostAccents(
            n_letters=sum(letters.values()),
            n_changed=sum(n for c, n in letters.items() if has_accent(c)),
            n_words=len(words[:N_WORDS]),
            n_merged=len(words[:N_WORDS]) - len(groups),
            examples=merged[:_N_EXAMPLES],
            changed=next(((word, strip_accents(word)) for word in changed), None),
        )


class _Spaced(dict[int, int]):
    """For `str.translate`: what BERT splits words at becomes a space."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        is_split = category(character)[0] == "P" or (
            character.isascii() and not character.isalnum()
        )
        self[code] = ord(" ") if is_split else code
        return self[code]


def _is_letter(character: str) -> bool:
    return category(character)[0] in "LM"
