"""Which pieces a vocabulary gets: by hand, and against the `tokenizers` library."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.tokenization import WordPiece, extend_wordpiece, extension
from spacy_bert.tokenization.extension import split_word

SPECIAL = "[PAD] [UNK] [CLS] [SEP] [MASK]".split()
LETTERS = WordPiece([*SPECIAL, *"abc", *(f"##{c}" for c in "abc"), "##bc", "aa"])


def test_pieces_that_spare_most_come_first(tokenizer):
    """un ##aff ##able occurs 3 times and un ##aff twice, so the whole word spares 6 and
    unaff 5; once the word is there, only the 2 of unaff are left."""
    texts = ["unaffable unaffable unaff", "Unaffable, unaff the cat"]
    got = extend_wordpiece(tokenizer, texts, n_new=2)
    assert got.new_pieces == ["unaffable", "unaff"]
    assert got.wordpiece.pieces == (*tokenizer.pieces, "unaffable", "unaff")
    un, aff, able = (tokenizer.pieces.index(p) for p in ("un", "##aff", "##able"))
    assert got.replaced == [[un, aff, able], [un, aff]]
    # 3 * 3 + 2 * 2 pieces in the 5 words, and "," "the" "cat".
    assert got.before.pieces_per_word == (9 + 4 + 3) / 8
    assert got.after.pieces_per_word == 1.0


def test_parts_of_what_was_added_count_less_from_then_on(tokenizer):
    """unaffables spares 3 x 4, unaffable 2 x 4, unaff 4 + 3, cats 5. The first leaves
    nothing to unaffable, and 3 to unaff."""
    texts = ["unaffables " * 4 + "unaff " * 3 + "cats " * 5]
    got = extend_wordpiece(tokenizer, texts, n_new=9)
    assert got.new_pieces == ["unaffables", "cats", "unaff"]


def test_a_part_that_many_words_share_is_added_too(tokenizer):
    """##aff ##able spares 1 in each of 5 words; none of them is worth more than 2."""
    texts = ["dogaffable cataffable theaffable aaffable inaffable"]
    got = extend_wordpiece(tokenizer, texts, n_new=1)
    assert got.new_pieces == ["##affable"]
    assert got.after.pieces_per_word == 2.0


def test_pieces_follow_the_vocabularys_own_normalization(tokenizer):
    got = extend_wordpiece(tokenizer, ["UN\u00c4FFABLE", "unaffable"], n_new=1)
    assert got.new_pieces == ["unaffable"]
    cased = WordPiece(tokenizer.pieces, lowercase=False)
    assert extend_wordpiece(cased, ["Unaffable", "unaffable"], n_new=1).new_pieces == []


def test_unknown_words_are_added(tokenizer):
    got = extend_wordpiece(tokenizer, ["\u2603 the cat \u2603"], n_new=5)
    assert got.new_pieces == ["\u2603"]
    assert got.replaced == [[tokenizer.unk_id]]
    assert (got.before.unknown_ratio, got.after.unknown_ratio) == (0.5, 0.0)


def test_what_is_rare_is_not_added(tokenizer):
    texts = ["unaffable unable", "unable"]
    assert extend_wordpiece(tokenizer, texts, n_new=9).new_pieces == ["unable"]
    got = extend_wordpiece(tokenizer, texts, n_new=9, min_frequency=3)
    assert got.new_pieces == [] and got.before == got.after


def test_words_longer_than_wordpiece_reads_are_not_added(tokenizer):
    got = extend_wordpiece(tokenizer, ["un" + "able" * 25] * 9, n_new=9)
    assert got.new_pieces == []


def test_frequent_words_survive_a_corpus_of_many(tokenizer, monkeypatch):
    monkeypatch.setattr(extension, "MAX_WORDS", 2)
    rare = [f"{prefix}s un{prefix}s" for prefix in ("cat", "dog", "bank", "river")]
    texts = [f"unaffable {word}" for word in rare]
    assert extend_wordpiece(tokenizer, texts, n_new=1).new_pieces == ["unaffable"]


def test_the_same_pieces_in_every_process():
    """Whatever the seed of Python's hashes, by which sets are ordered."""
    program = (
        "from spacy_bert.tokenization import WordPiece, extend_wordpiece\n"
        "pieces = '[PAD] [UNK] [CLS] [SEP] [MASK] a b ##a ##b'.split()\n"
        "words = [f'{i:b}'.translate({48: 'a', 49: 'b'}) for i in range(200)]\n"
        "got = extend_wordpiece(WordPiece(pieces), [' '.join(words)], n_new=40)\n"
        "print(got.new_pieces)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] and said[0].count(",") > 30


@given(st.text("abcd", min_size=1, max_size=12))
def test_a_word_is_split_as_the_library_does(word):
    ids = LETTERS.encode(word).ids
    assert split_word(word, LETTERS.pieces) == [LETTERS.pieces[i] for i in ids]


@given(st.lists(st.text("abcd ", max_size=30), max_size=8), st.integers(0, 6))
def test_pieces_a_word_are_those_of_the_library(texts, n_new):
    got = extend_wordpiece(LETTERS, texts, n_new=n_new)
    n_words = max(sum(len(text.split()) for text in texts), 1)
    for tokenizer, coverage in ((LETTERS, got.before), (got.wordpiece, got.after)):
        ids = [i for text in texts for i in tokenizer.encode(text).ids]
        assert coverage.pieces_per_word == pytest.approx(len(ids) / n_words)
        unknown = ids.count(tokenizer.unk_id)
        assert coverage.unknown_ratio == pytest.approx(unknown / n_words)
    assert len(got.new_pieces) <= n_new
