"""What stripping accents loses, counted by hand."""

import pytest

from spacy_bert.corpus import lost_accents
from spacy_bert.corpus.lost_accents import AccentCounter


def count(*texts, **settings):
    counter = AccentCounter(**settings)
    assert list(counter.watch(texts)) == list(texts)
    return counter.result()


def test_letters_and_words_by_hand():
    """13 letters, two of them changed; four words, of which two become one."""
    lost = count("Wurde, würde!", "für 9")
    assert (lost.n_letters, lost.n_changed) == (13, 2)
    assert (lost.n_words, lost.n_merged) == (3, 1)
    assert lost.examples == [("wurde", "würde")]
    assert lost.changed == ("für", "fur")
    assert lost.letter_ratio == 2 / 13 and lost.word_ratio == 1 / 3


def test_vowel_signs_are_letters_here():
    """Two of the six characters of three words are dropped."""
    lost = count("में मैं म")
    assert (lost.n_letters, lost.n_changed) == (7, 4)
    assert (lost.n_words, lost.n_merged) == (3, 2)
    assert lost.examples == [("म", "में", "मैं")]


def test_spellings_of_one_word_are_one_word():
    """The accent as a part of its letter, and as a character of its own."""
    lost = count("é e\u0301")
    assert (lost.n_letters, lost.n_changed) == (2, 2)
    assert (lost.n_words, lost.n_merged, lost.examples) == (1, 0, [])


def test_hangul_loses_nothing():
    lost = count("한국어 문장")
    assert (lost.n_letters, lost.n_changed, lost.changed) == (5, 0, None)
    assert not lost.is_large


def test_chinese_characters_are_words():
    assert count("有人有").n_words == 2
    assert count("有人有", split_chinese=False).n_words == 1


def test_no_letters_lose_nothing():
    lost = count("9 , +", "")
    assert (lost.letter_ratio, lost.word_ratio, lost.is_large) == (0.0, 0.0, False)


@pytest.mark.parametrize(("n_plain", "is_large"), [(98, True), (99, False)])
def test_more_than_one_percent_is_large(n_plain, is_large):
    assert count("é" + "a" * n_plain).is_large is is_large


def test_frequent_pairs_come_first_and_rare_words_are_left_out(monkeypatch):
    texts = ["mas más", "el él él", "el mas más", "el si", "sí"]
    assert count(*texts).examples == [("el", "él"), ("mas", "más"), ("si", "sí")]
    monkeypatch.setattr(lost_accents, "N_WORDS", 4)
    lost = count(*texts)
    assert (lost.n_words, lost.n_merged) == (4, 2)
    assert lost.examples == [("el", "él"), ("mas", "más")]


def test_memory_is_bounded(monkeypatch):
    """Frequent words are kept while rare ones go."""
    monkeypatch.setattr(lost_accents, "_MAX_WORDS", 10)
    rare = [f"a{n}" for n in range(100)]
    lost = count(*["el él " + word for word in rare])
    assert lost.n_words <= 10 and lost.examples == [("el", "él")]
