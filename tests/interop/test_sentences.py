"""spaCy's sentences and words, as the index takes them."""

import logging
import pickle
from functools import cache

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bert.interop import sentences as sentences_module
from spacy_bert.interop import substrings as substrings_module
from spacy_bert.interop.sentences import make_splitter

TEXT = "The cat sat. It didn't run!"


def split(text, splitter):
    (sentences,) = splitter.split([text])
    return [(sentence.text, list(sentence.word_starts)) for sentence in sentences]


def test_the_sentencizer_splits_paragraphs():
    splitter = make_splitter("sentencizer", "en")
    assert splitter.name == "sentencizer (en)" and not splitter.finds_words
    assert split(TEXT, splitter) == [("The cat sat.", []), ("It didn't run!", [])]
    copy = pickle.loads(pickle.dumps(splitter))
    assert split(TEXT, copy) == split(TEXT, splitter)


def test_words_are_tokens():
    expected = [
        ("The cat sat.", [0, 4, 8, 11]),
        ("It didn't run!", [0, 3, 6, 10, 13]),
    ]
    splitter = make_splitter("sentencizer", "en", finds_words=True)
    assert split(TEXT, splitter) == expected
    (line,) = split(TEXT, make_splitter("lines", "en", finds_words=True))
    assert line == (TEXT, [0, 4, 8, 11, 13, 16, 19, 23, 26])


# What spaCy's tokenizers know as one, part, or have exceptions for, also with spaces.
# (No smileys, nor lone quotes: of two that meet over a space it overlooks the second.)
FRAGMENTS = [
    *"The cat U.S. can't a.m. e.g. 3 1,000 km aujourd'hui z.B. www.example.com".split(),
    *'. .. ... ! ?! ( ) , - / # $ \u2026 \u3002 \u201c \u201d \u00bf "'.split(),
    "\u4f60\u597d\u3002" * 20,
    *("EE. UU.", "EE.", "UU.", "\u0438 \u0434\u0440.", "1 Kor."),
    *(" ", " ", " ", " ", "  ", "\n", "\u00a0"),
]
MADE_TEXT = st.lists(st.sampled_from(FRAGMENTS), max_size=15).map("".join)


@cache
def ready_splitter(sentences, lang, finds_words):
    return make_splitter(sentences, lang, finds_words=finds_words)


@cache
def spacy_pipeline(lang):
    nlp = spacy.blank(lang)
    nlp.add_pipe("sentencizer")
    return nlp


def without_spaces(text, word_starts):
    """spaCy's tokens may be spaces, ours never begin with one."""
    n = len(text) - len(text.lstrip())
    return text.strip(), [at - n for at in word_starts if text[at : at + 1].strip()]


@pytest.mark.parametrize("lang", ["en", "es", "fr", "ru"])
@settings(deadline=None)  # The first text loads spaCy.
@given(text=MADE_TEXT | st.text(max_size=20))
def test_sentences_and_words_are_those_of_a_pipeline(lang, text):
    doc = spacy_pipeline(lang)(text)
    spans = [
        without_spaces(s.text, [t.idx - s.start_char for t in s]) for s in doc.sents
    ]
    spans = [span for span in spans if span[0]]
    for finds_words in (True, False):
        (found,) = ready_splitter("sentencizer", lang, finds_words).split([text])
        expected = [(text, words if finds_words else []) for text, words in spans]
        sentences = [without_spaces(*sentence) for sentence in found]
        assert [sentence for sentence in sentences if sentence[0]] == expected
    ((line,),) = ready_splitter("lines", lang, True).split([text])
    assert without_spaces(*line) == without_spaces(text, [token.idx for token in doc])


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(substrings_module, "_MAX_SUBSTRINGS", 3)
    splitter = make_splitter("sentencizer", "en")
    for text in ("One two three four. Five.", "Six seven. Four five.", "One. Six."):
        expected = [span.text for span in spacy_pipeline("en")(text).sents]
        (found,) = splitter.split([text])
        assert [sentence.text for sentence in found] == expected
    assert len(splitter.split._known) <= 3 + 5


def test_lines_need_no_splitter():
    assert make_splitter("lines", "en") is None


def test_chinese_words_are_longer_than_characters():
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel(logging.DEBUG)
    splitter = make_splitter("lines", "zh", finds_words=True)
    # I / come to / Beijing / Tsinghua University
    text = "\u6211\u6765\u5230\u5317\u4eac\u6e05\u534e\u5927\u5b66"
    assert split(text, splitter) == [(text, [0, 1, 3, 5])]
    # It would say where its dictionary is, in each process.
    assert jieba.default_logger.level == logging.WARNING


def test_chinese_words_need_a_package(monkeypatch):
    monkeypatch.setattr(sentences_module, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'spacy-bert\[zh\]'"):
        make_splitter("sentencizer", "zh", finds_words=True)
    assert make_splitter("sentencizer", "zh").name == "sentencizer (zh)"


def test_any_pipeline_that_finds_sentences(tmp_path):
    nlp = spacy.blank("en", meta={"name": "semicolons", "version": "1.2.3"})
    nlp.add_pipe("sentencizer", config={"punct_chars": [";"]})
    nlp.to_disk(tmp_path / "pipeline")
    splitter = make_splitter(str(tmp_path / "pipeline"), "en")
    assert splitter.name.startswith("en_semicolons 1.2.3 ")
    assert split("One. Two; three.", splitter) == [("One. Two;", []), ("three.", [])]
    # Trained again, it keeps its version.
    nlp.get_pipe("sentencizer").punct_chars = {":"}
    nlp.to_disk(tmp_path / "pipeline")
    assert make_splitter(str(tmp_path / "pipeline"), "en").name != splitter.name


def test_a_pipeline_without_sentences_is_refused(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("merge_entities")
    nlp.to_disk(tmp_path / "pipeline")
    splitter = make_splitter(str(tmp_path / "pipeline"), "en")
    with pytest.raises(ValueError, match="finds sentences.*which has merge_entities"):
        split(TEXT, splitter)
    with pytest.raises(ValueError, match="got 'sentenciser'"):
        make_splitter("sentenciser", "en")
    # Installed packages that are no pipelines, one of them a single module.
    for name in ("numpy", "pip", "srsly", "typing_extensions"):
        with pytest.raises(ValueError, match=f"a spaCy pipeline, got '{name}'"):
            make_splitter(name, "en")
    with pytest.raises(ValueError, match="got 'xyz'"):
        make_splitter("sentencizer", "xyz")
