"""spaCy's sentencizer and tokens, if nothing else of a Doc is asked for.

spaCy's tokenizer takes each substring between spaces by itself. So no substring need be
tokenized twice, and no Doc of a whole text is made. (In a memory zone,
without which its vocabulary grows with the text, the tokenizer remembers nothing.)
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..corpus.documents import Sentence

if TYPE_CHECKING:
    from spacy.tokenizer import Tokenizer
    from spacy.tokens import Token

_SUBSTRING = re.compile(r"\S+")
# So many are kept, which takes some 20 MB, and none that is longer: in a text without
# spaces it is a sentence, of many tokens, and does not come again.
_MAX_SUBSTRINGS, _MAX_CHARS = 1 << 17, 40


class _Token(NamedTuple):
    """`start`: its first character in the substring. `ends`: a sentence ends with it.
    `begins`: the next one begins with it, if one has ended."""

    start: int
    ends: bool
    begins: bool


# Its tokens, and whether any of them ends a sentence.
_Substring = tuple[tuple[_Token, ...], bool]

# Most substrings are this one, which is a word.
_PLAIN = ((_Token(0, ends=False, begins=True),), False)


def has_spacy_tokenizer(lang: str) -> bool:
    """Whether spaCy splits a language by its own tokenizer, not by another library.

    Raises ValueError if spaCy does not know the language.
    """
    from spacy.util import get_lang_class

    try:
        tokenizer = get_lang_class(lang).default_config["nlp"]["tokenizer"]
    except ImportError as error:
        raise ValueError(
            f"[corpus] lang: expected the code of a language that spaCy knows, such as "
            f"'en', got {lang!r}."
        ) from error
    return bool(tokenizer["@tokenizers"] == "spacy.Tokenizer.v1")


@dataclass(frozen=True, kw_only=True)
class SubstringSplit:
    """Paragraphs -> the sentences of each: those of spaCy's `sentencizer`, or each
    paragraph as one; with their tokens if words are asked for."""

    lang: str
    finds_sentences: bool
    finds_words: bool

    def __call__(self, paragraphs: list[str]) -> list[list[Sentence]]:
        # New words are forgotten again, or memory grows with the corpus.
        with self._tokenizer.vocab.memory_zone():
            self._learn({found for text in paragraphs for found in text.split()})
            return [self._split(text) for text in paragraphs]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name[0] != "_"}

    def _learn(self, substrings: set[str]) -> None:
        if len(self._known) > _MAX_SUBSTRINGS:
            self._known.clear()
        unknown = substrings - self._known.keys()
        new = [s for s in unknown if self._is_worth_knowing(s)]
        tokens: list[Token] = []
        described = []
        # At once, as each Doc has its cost. No exception goes beyond the end of a line.
        for token in self._tokenizer("\n".join([*new, ""])):
            if token.text == "\n":
                described.append(self._describe(tokens))
                tokens = []
            else:
                tokens.append(token)
        self._known.update(zip(new, described, strict=True))

    def _is_worth_knowing(self, substring: str) -> bool:
        """What is not is as good as one plain token, or long."""
        if len(substring) > _MAX_CHARS:
            return False
        if self.finds_words or not substring[0].isalnum():
            return True
        return not self._ends.isdisjoint(substring)

    def _split(self, text: str) -> list[Sentence]:
        sentences = []
        start, word_starts, has_ended = 0, list[int](), False
        for offset, (tokens, has_end) in self._find_substrings(text):
            if not (has_end or has_ended or self.finds_words):
                continue
            # More than a single space is a token of its own, and begins a sentence.
            begins = has_ended and (
                text[offset - 1] != " " or text[offset - 2].isspace()
            )
            for token in tokens:
                if has_ended and (begins or token.begins):
                    new = offset + token.start
                    sentences.append(Sentence(text[start:new].rstrip(), word_starts))
                    start, word_starts, has_ended = new, [], False
                begins = False
                has_ended = has_ended or token.ends
                if self.finds_words:
                    word_starts.append(offset + token.start - start)
        return [*sentences, Sentence(text[start:].rstrip(), word_starts)]

    def _find_substrings(self, text: str) -> Iterator[tuple[int, _Substring]]:
        """The offset of each, and what is known of it."""
        if any(rule in text for rule in self._spaced_rules):
            yield 0, self._tokenize(text)
            return
        for match in _SUBSTRING.finditer(text):
            substring = match[0]
            if len(substring) > _MAX_CHARS:
                yield match.start(), self._tokenize(substring)
            else:
                yield match.start(), self._known.get(substring, _PLAIN)

    @cached_property
    def _spaced_rules(self) -> list[str]:
        """Exceptions that go beyond a substring, such as the Spanish "EE. UU."."""
        return [rule for rule in self._tokenizer.rules if len(rule.split()) > 1]

    @cached_property
    def _known(self) -> dict[str, _Substring]:
        return {}

    def _tokenize(self, text: str) -> _Substring:
        return self._describe(list(self._tokenizer(text)))

    def _describe(self, tokens: Sequence["Token"]) -> _Substring:
        described, has_end = [], False
        for token in tokens:
            is_end = token.text in self._ends
            ends = is_end and self.finds_sentences
            has_end = has_end or ends
            begins = not (is_end or token.is_punct)
            described.append(_Token(token.idx - tokens[0].idx, ends, begins))
        found = tuple(described), has_end
        return _PLAIN if found == _PLAIN else found

    @cached_property
    def _ends(self) -> frozenset[str]:
        from spacy.pipeline import Sentencizer

        return frozenset(Sentencizer.default_punct_chars)

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from spacy.attrs import IS_PUNCT
        from spacy.lang.lex_attrs import LEX_ATTRS
        from spacy.language import create_tokenizer
        from spacy.util import get_lang_class
        from spacy.vocab import Vocab

        defaults = get_lang_class(self.lang).Defaults
        # Without what takes most of the time of a word that is new.
        is_punct = (LEX_ATTRS | defaults.lex_attr_getters)[IS_PUNCT]
        vocab = Vocab(lex_attr_getters={IS_PUNCT: is_punct})
        # A Language would load the factories of all packages that are installed, in
        # each process.
        nlp: Any = SimpleNamespace(vocab=vocab, Defaults=defaults)
        return create_tokenizer()(nlp)
