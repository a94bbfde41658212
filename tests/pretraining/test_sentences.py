"""spaCy's sentences and words, as the index takes them."""

import pickle

import pytest
import spacy

from spacy_bert.cli import sentences as sentences_module
from spacy_bert.cli.sentences import make_splitter

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


def test_lines_need_no_splitter():
    assert make_splitter("lines", "en") is None


def test_chinese_words_are_longer_than_characters():
    pytest.importorskip("jieba")
    splitter = make_splitter("lines", "zh", finds_words=True)
    # I / come to / Beijing / Tsinghua University
    text = "\u6211\u6765\u5230\u5317\u4eac\u6e05\u534e\u5927\u5b66"
    assert split(text, splitter) == [(text, [0, 1, 3, 5])]


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
    # Trained anew, it keeps its version.
    nlp.get_pipe("sentencizer").punct_chars = {":"}
    nlp.to_disk(tmp_path / "pipeline")
    assert make_splitter(str(tmp_path / "pipeline"), "en").name != splitter.name


def test_a_pipeline_without_sentences_is_refused(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("merge_entities")
    nlp.to_disk(tmp_path / "pipeline")
    splitter = make_splitter(str(tmp_path / "pipeline"), "en")
    with pytest.raises(ValueError, match="finds sentences.*which has merge_entities"):
        split(TEXT, splitter)
    with pytest.raises(ValueError, match="got 'sentenciser'"):
        make_splitter("sentenciser", "en")
    with pytest.raises(ValueError, match="got 'xyz'"):
        make_splitter("sentencizer", "xyz")
