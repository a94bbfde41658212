"""The scorer over Examples."""

import pytest
import spacy
from qa_toys import make_example
from spacy.tokens import SpanGroup

from spacy_bert.tasks.qa.scorer import make_extractive_qa_scorer

ENGLISH = spacy.blank("xx")
QUESTION, CONTEXT = "who sat?", "The big cat sat on the mat."


def predict(example, *answers):
    doc = example.predicted
    border = len(QUESTION) + 1
    starts = [border + CONTEXT.index(answer) for answer in answers]
    doc.spans["answers"] = [
        doc.char_span(start, start + len(answer))
        for start, answer in zip(starts, answers, strict=True)
    ]
    return example


def score(examples, **settings):
    return make_extractive_qa_scorer(**settings)(examples, spans_key="answers")


def test_means_over_questions():
    examples = [
        predict(make_example(ENGLISH, QUESTION, CONTEXT, "The big cat"), "big cat"),
        # P = 1, R = 1/2 for the first gold, and nothing for the other.
        predict(make_example(ENGLISH, QUESTION, CONTEXT, "big cat", "mat"), "cat"),
        predict(make_example(ENGLISH, QUESTION, CONTEXT), "cat"),
        predict(make_example(ENGLISH, QUESTION, CONTEXT)),
        # Only the first answer counts.
        predict(make_example(ENGLISH, QUESTION, CONTEXT, "mat"), "sat", "mat"),
    ]
    found = score(examples)
    assert found["answers_em"] == pytest.approx((1 + 0 + 0 + 1 + 0) / 5)
    assert found["answers_f"] == pytest.approx((1 + 2 / 3 + 0 + 1 + 0) / 5)


def test_unannotated_docs_are_left_out():
    unannotated = make_example(ENGLISH, QUESTION, CONTEXT, None)
    right = predict(make_example(ENGLISH, QUESTION, CONTEXT, "cat"), "cat")
    assert score([unannotated, right]) == {"answers_em": 1.0, "answers_f": 1.0}
    assert score([unannotated]) == {"answers_em": None, "answers_f": None}


def test_answers_count_as_they_were_given():
    """Gold answers that are part of a token keep their texts in the group."""
    example = predict(make_example(ENGLISH, QUESTION, CONTEXT, "cat"), "cat")
    reference = example.reference
    reference.spans["answers"] = SpanGroup(
        reference, spans=list(reference.spans["answers"]), attrs={"texts": ["ca"]}
    )
    assert score([example]) == {"answers_em": 0.0, "answers_f": 0.0}


def test_the_metric_of_chinese():
    nlp = spacy.blank("zh")
    example = make_example(nlp, "谁", "战国无双", "战国无双")
    doc = example.predicted
    doc.spans["answers"] = [doc[2:4]]
    assert score([example])["answers_f"] == 0.0
    assert score([example], metric="cmrc")["answers_f"] == pytest.approx(2 / 3)


def test_an_unknown_metric():
    with pytest.raises(ValueError, match="one of squad, cmrc, got 'bleu'"):
        make_extractive_qa_scorer(metric="bleu")
