"""Docs of two segments."""

import pytest
import spacy
from spacy.tokens import Doc

from spacy_bert.pipeline.segments import (
    join_segments,
    make_pair_doc,
    split_segments,
)

ENGLISH = spacy.blank("en")


def test_two_segments():
    doc = make_pair_doc(ENGLISH, "Who sat?", "The cat sat.")
    first, second = split_segments(doc)
    assert (first.text, second.text) == ("Who sat?", "The cat sat.")


@pytest.mark.parametrize(("first", "second"), [("", "a"), ("a", ""), ("a ", " b")])
def test_empty_segments_and_white_space(first, second):
    left, right = split_segments(make_pair_doc(ENGLISH, first, second))
    assert (left.text.strip(), right.text.strip()) == (first.strip(), second.strip())


def test_one_text_has_no_segments():
    assert split_segments(ENGLISH("The cat sat.")) is None
    assert split_segments(ENGLISH("")) is None


def test_a_tokenizer_that_joins_what_is_around_the_border():
    doc = Doc(ENGLISH.vocab, words=["Who\x1eThe", "cat"])
    with pytest.raises(ValueError, match="got the token 'Who.x1eThe'"):
        split_segments(doc)


def test_more_than_one_separator_is_white_space():
    assert split_segments(ENGLISH("a\x1eb\x1ec")) is None


def test_a_segment_is_a_text():
    with pytest.raises(ValueError, match="Expected two texts, got None"):
        join_segments("a", None)


def test_a_segment_does_not_hold_the_separator():
    with pytest.raises(ValueError, match=r"U\+001E"):
        join_segments("a\x1eb", "c")
