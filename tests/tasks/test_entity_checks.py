"""Warnings of `bert_ner` about its training examples."""

import re

import pytest
import spacy
from contract_toys import COMPONENTS, make_nlp
from spacy.tokens import Doc, Span
from spacy.training import Example

ENGLISH = spacy.blank("xx")


def make_example(words, *entities, predicted=None, starts=None):
    """entities: (start, end, label) in words."""
    spaces = [word != "\n" for word in words]
    reference = Doc(ENGLISH.vocab, words, spaces, sent_starts=starts)
    reference.ents = [Span(reference, *entity) for entity in entities]
    return Example(Doc(ENGLISH.vocab, predicted or words), reference)


def warnings_of(checkpoint, caplog, examples, **settings):
    nlp = make_nlp(checkpoint, COMPONENTS["crf"])
    nlp.get_pipe("bert_ner").initialize(lambda: examples, nlp=nlp, **settings)
    return [record.getMessage() for record in caplog.records]


GOOD = make_example(["the", "cat", "sat"], (1, 2, "CAT"))
NONE = make_example(["the", "bank"])


def test_good_examples_are_silent(checkpoint, caplog):
    assert warnings_of(checkpoint, caplog, [GOOD] * 50 + [NONE]) == []


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            make_example(["in", "\n", "Berlin"], (1, 3, "CAT")),
            r"1 entities begin or end with white space .* without it: '\\nBerlin'",
        ),
        (
            make_example(["in", "\n", "Berlin"], (1, 2, "CAT")),
            r"1 entities are white space and are not learned: '\\n'",
        ),
        (
            make_example(["the", "cat", "sat"], (1, 3, "CAT"), starts=[1, 0, 1]),
            "1 entities go over the end of a sentence: 'cat sat'",
        ),
        (
            make_example(["cat", "-", "fish"], (0, 1, "CAT"), predicted=["cat-fish"]),
            "1 entities do not begin and end with tokens of the pipeline .*: 'cat'",
        ),
    ],
)
def test_odd_entities_are_counted_and_shown(checkpoint, caplog, example, message):
    (warning,) = warnings_of(checkpoint, caplog, [*[GOOD] * 50, NONE, example])
    assert re.search(message, warning)


def test_few_examples_of_a_label(checkpoint, caplog):
    examples = [GOOD] * 49 + [NONE]
    (warning,) = warnings_of(checkpoint, caplog, examples, labels=["CAT", "DOG"])
    assert (
        "fewer than 50 entities in the training examples: CAT (49), DOG (0)" in warning
    )


def test_a_label_that_every_example_has(checkpoint, caplog):
    few, always = warnings_of(checkpoint, caplog, [GOOD])
    assert "CAT (1)" in few
    assert "labels that every training example has: CAT" in always
