"""Docs of two segments, and the setting that says what is between them."""

import pickle

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_bert import add_encoder, make_pair_doc
from spacy_bert.pipeline.architectures import build_bert_encoder
from spacy_bert.pipeline.segments import (
    get_pair_separator,
    join_segments,
    split_segments,
)

ENGLISH = spacy.blank("xx")


def segments_of(doc):
    return [segment.text for segment in split_segments(doc, "\x1e")]


def make_nlp(checkpoint, **settings):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, **settings)
    return nlp


def test_two_segments(nlp):
    doc = make_pair_doc(nlp, "Who sat?", "The cat sat.")
    assert segments_of(doc) == ["Who sat?", "The cat sat."]


@pytest.mark.parametrize(("first", "second"), [("", "a"), ("a", ""), ("a ", " b")])
def test_empty_segments_and_white_space(nlp, first, second):
    left, right = segments_of(make_pair_doc(nlp, first, second))
    assert (left.strip(), right.strip()) == (first.strip(), second.strip())


def test_one_text_has_no_segments():
    assert split_segments(ENGLISH("The cat sat."), "\x1e") is None
    assert split_segments(ENGLISH(""), "\x1e") is None
    assert split_segments(ENGLISH("Who?\x1eThe cat"), None) is None


def test_a_tokenizer_that_joins_what_is_around_the_border():
    words = ["Who\x1eThe", "cat"]
    doc = Doc(ENGLISH.vocab, words=words, spaces=[True, False])
    assert split_segments(doc, "\x1e") is None
    nlp = spacy.blank("xx")
    nlp.tokenizer = lambda text: Doc(nlp.vocab, words=text.split(" "))
    with pytest.raises(ValueError, match=r"a token of white space; got \['Who\\x1eThe"):
        make_pair_doc(nlp, "Who", "The cat", separator="\x1e")


def test_more_than_one_separator_is_white_space():
    assert split_segments(ENGLISH("a\x1eb\x1ec"), "\x1e") is None


def test_a_segment_is_a_text():
    with pytest.raises(ValueError, match="Expected two texts, got None"):
        join_segments("a", None, "\x1e")


def test_a_separator_inside_a_segment_becomes_a_space(nlp):
    doc = make_pair_doc(nlp, "the\x1ecat", "\x1ea dog\x1e")
    assert doc.text == "the cat\x1e a dog "


def test_without_the_setting_the_character_is_white_space(checkpoint):
    """At the start, as in files of record sequences, and inside; also if pieces
    around it could be one word."""
    nlp = make_nlp(checkpoint)
    for text in ("\x1ethe cat sat", "the cat\x1esat on", "un\x1eable"):
        doc = nlp(text)
        words = [token.i for token in doc if not token.is_space]
        plain = nlp(text.replace("\x1e", " ").strip())
        np.testing.assert_allclose(doc.tensor[words], plain.tensor, atol=1e-6)
        np.testing.assert_allclose(doc._.bert_cls, plain._.bert_cls, atol=1e-6)


def test_with_the_setting_it_makes_a_pair(nlp, checkpoint):
    pair, text = make_pair_doc(nlp, "the cat", "sat on"), "the cat sat on"
    assert np.abs(nlp(pair)._.bert_cls - nlp(text)._.bert_cls).max() > 0.01
    # A space instead of it, once it is there twice.
    twice = nlp("the cat\x1esat\x1eon")
    np.testing.assert_allclose(twice._.bert_cls, nlp(text)._.bert_cls, atol=1e-6)


@pytest.mark.parametrize("separator", ["\n", "\t", "\x1c", "\u2028"])
def test_another_separator(checkpoint, nlp, separator):
    other = make_nlp(checkpoint, pair_separator=separator)
    doc = make_pair_doc(other, "the cat", "a dog ran")
    assert doc.text == f"the cat{separator}a dog ran"
    expected = nlp(make_pair_doc(nlp, "the cat", "a dog ran"))
    np.testing.assert_allclose(other(doc).tensor, expected.tensor, atol=1e-6)


def test_pairs_need_the_setting(checkpoint):
    for nlp in (make_nlp(checkpoint), ENGLISH):
        with pytest.raises(ValueError, match="Set pair_separator = "):
            make_pair_doc(nlp, "the cat", "the dog")


def test_two_encoders(checkpoint, nlp):
    add_encoder(nlp, checkpoint, name="other")
    assert get_pair_separator(nlp) == "\x1e"
    add_encoder(nlp, checkpoint, name="third", pair_separator="\t")
    with pytest.raises(
        ValueError, match=r"the same pair_separator, got '\\t', '\\x1e'"
    ):
        make_pair_doc(nlp, "the cat", "the dog")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pair_separator": ""}, "one character that spaCy makes a token"),
        ({"pair_separator": " "}, "got ' '"),
        ({"pair_separator": "|"}, r"got '\|'"),
        ({"pair_separator": "\n\n"}, r"got '\\n\\n'"),
        ({"n_segments": 1}, "pairs need n_segments = 2, got 1"),
        ({"window_width": 4}, "at least 5 pieces, got window_width = 4"),
        ({"max_positions": 4}, "at least 5 pieces, got window_width = 4"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_bert_encoder(**{"pair_separator": "\x1e", **settings})


@pytest.mark.parametrize("settings", [{"n_segments": 1}, {"window_width": 3}])
def test_no_text_stops_an_encoder_without_pairs(checkpoint, nlp, settings):
    model = {
        **nlp.get_pipe_config("bert_encoder")["model"],
        "pair_separator": None,
        **settings,
    }
    alone = spacy.blank("xx")
    alone.add_pipe("bert_encoder", config={"model": model})
    alone.initialize(lambda: [Example(alone.make_doc("the cat"), alone.make_doc("a"))])
    texts = ["\x1e", "\x1ethe cat", "the\x1ecat sat on", "a\x1e\x1eb", ""]
    assert [doc.text for doc in alone.pipe(texts)] == texts


def test_the_setting_survives(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    config = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
    for again in (
        spacy.load(tmp_path),
        config.from_bytes(nlp.to_bytes()),
        pickle.loads(pickle.dumps(nlp)),
    ):
        assert get_pair_separator(again) == "\x1e"


def test_training_data_that_look_like_pairs_are_noticed(checkpoint, caplog):
    nlp = make_nlp(checkpoint)
    pairs = [nlp.make_doc(text) for text in ("the cat\x1ea dog", "a bank\x1eit was")]
    nlp.initialize(lambda: [Example(doc.copy(), doc) for doc in pairs])
    assert "look like pairs" in caplog.text and "pair_separator" in caplog.text
    caplog.clear()
    some = [*pairs, nlp.make_doc("the river")]
    nlp.initialize(lambda: [Example(doc.copy(), doc) for doc in some])
    assert "look like pairs" not in caplog.text
