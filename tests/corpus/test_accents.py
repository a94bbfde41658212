"""Whether accents are stripped, for new vocabularies and for those that are read."""

import importlib
import pkgutil
from unicodedata import category, normalize

import pytest
import spacy.lang
from tokenizers.normalizers import BertNormalizer

from spacy_bert.corpus.accents import (
    KEEP_ACCENTS,
    choose_strip_accents,
    has_accent,
    strip_accents,
)
from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.index.fingerprint import hash_tokenizer
from spacy_bert.corpus.lost_accents import AccentCounter
from spacy_bert.corpus.vocabulary import (
    VocabularyConfig,
    learn_vocabulary,
    load_vocabulary,
)
from spacy_bert.tokenization import WordPiece

HINDI = "मैं घर में हूँ"


@pytest.fixture
def learn(tmp_path):
    """Learn a vocabulary of the text in a language, by some settings."""

    def learn(text, lang, **settings):
        path = tmp_path / "corpus.txt"
        path.write_text("\n\n".join([f"{text}\n{text}"] * 9), encoding="utf8")
        corpus = CorpusConfig(path=str(path), sentences="lines", lang=lang)
        config = VocabularyConfig(path=str(tmp_path / "vocab.txt"), size=99, **settings)
        return learn_vocabulary(corpus, config, force=True)

    return learn


def read(tmp_path, **settings):
    return load_vocabulary(
        VocabularyConfig(path=str(tmp_path / "vocab.txt"), **settings)
    )


def test_the_language_decides_and_the_pieces_remember(tmp_path, learn):
    """ "I" and "in" differ by vowel signs alone, which are nonspacing marks."""
    learned = learn(HINDI, "hi")
    assert learned.words("मैं") != learned.words("में")
    assert read(tmp_path).settings == learned.settings
    learned = learn(HINDI, "en")
    assert learned.words("मैं") == learned.words("में") == ["म"]
    assert read(tmp_path).settings == learned.settings


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("lang", ["hi", "en"])
def test_an_explicit_value_wins(tmp_path, learn, lang, asked):
    learned = learn(HINDI, lang, strip_accents=asked)
    assert learned.strip_accents is asked
    assert (learned.words("मैं") == ["म"]) is asked
    assert read(tmp_path, strip_accents=asked).settings == learned.settings


def test_a_vocabulary_is_read_as_it_was_learned_without_its_settings(tmp_path, learn):
    """By a command that is given another language, or in another folder."""
    kept = learn("größer als grosser Grund", "en", strip_accents=False)
    assert read(tmp_path).words("GRÖSSER") == kept.words("GRÖSSER") == ["grösser"]


def test_a_stripped_vocabulary_keeps_its_hash(tmp_path, learn):
    """A run of before the language decided resumes: nothing but the pieces says what
    its vocabulary is, and the setting was null."""
    learn(HINDI, "hi", strip_accents=True)
    before = WordPiece.from_file(tmp_path / "vocab.txt")
    assert before.strip_accents is None
    assert hash_tokenizer(read(tmp_path)) == hash_tokenizer(before)


def test_a_cased_vocabulary_keeps_its_accents_anyway(tmp_path, learn):
    assert choose_strip_accents(None, lowercase=False, lang="hi") is None
    learn(HINDI, "hi", lowercase=False)
    assert read(tmp_path, lowercase=False).words("मैं") == ["मैं"]


@pytest.mark.parametrize("lang", "ar de en es he hi id ja ko nl th tr vi zh".split())
def test_the_languages_are_those_that_lose_something(lang):
    """Measured on spaCy's own texts."""
    assert measure(lang).is_large == (lang in KEEP_ACCENTS)


@pytest.mark.slow
def test_all_languages_of_spacy_that_lose_something_are_known():
    """Apart from those near the limit of 1 %."""
    for module in pkgutil.iter_modules(spacy.lang.__path__):
        lost = measure(module.name) if module.ispkg else None
        if lost and lost.n_letters and module.name != "xx":
            ratio = max(lost.letter_ratio, lost.word_ratio)
            if not 0.008 < ratio < 0.012:
                assert lost.is_large == (module.name in KEEP_ACCENTS), module.name


def measure(lang):
    texts = spacy_texts(lang)
    counter = AccentCounter()
    assert list(counter.watch(texts)) == texts
    return counter.result()


def spacy_texts(lang):
    texts = []
    for file, name in (("examples", "sentences"), ("stop_words", "STOP_WORDS")):
        try:
            module = importlib.import_module(f"spacy.lang.{lang}.{file}")
            texts += sorted(getattr(module, name))
        except (ImportError, AttributeError):
            continue
    return texts


@pytest.mark.parametrize("lang", "ar bo de el hi ja ko si th tr vi yo zh".split())
def test_stripping_is_that_of_the_tokenizers_library(lang):
    normalizer = BertNormalizer(
        handle_chinese_chars=False, strip_accents=True, lowercase=False
    )
    # The zero-width joiner and its like are dropped whether accents are or not.
    texts = ["".join(c for c in t if category(c) != "Cf") for t in spacy_texts(lang)]
    words = {normalize("NFC", word) for text in texts for word in text.split()}
    assert words
    for word in words:
        stripped = normalize("NFC", normalizer.normalize_str(word))
        assert strip_accents(word) == stripped
        assert any(map(has_accent, word)) == (stripped != word)
