"""Examples -> indices of the logits."""

import pytest
import spacy
from qa_toys import make_example
from spacy.tokens import Doc
from spacy.training import Example

from spacy_bert import make_pair_doc
from spacy_bert.tasks.qa.gold_answers import find_gold_answer

ENGLISH = spacy.blank("xx")
QUESTION, CONTEXT = "who sat?", "The cat sat."


def find(example, *, can_abstain=False):
    return find_gold_answer(
        example, spans_key="answers", can_abstain=can_abstain, separator="\x1e"
    )


# Tokens: who sat ? | The cat sat . -> logits 4 to 7 of the context, or 5 to 8 after the
# row of "no answer".
@pytest.mark.parametrize(
    ("can_abstain", "options", "start", "end"),
    [(False, [4, 5, 6, 7], 0, 1), (True, [0, 5, 6, 7, 8], 1, 2)],
)
def test_an_answer(can_abstain, options, start, end):
    example = make_example(ENGLISH, QUESTION, CONTEXT, "The cat", "cat")
    gold = find(example, can_abstain=can_abstain)
    assert gold.options.tolist() == options
    assert (gold.start, gold.end) == (start, end)


def test_no_answer():
    gold = find(make_example(ENGLISH, QUESTION, CONTEXT), can_abstain=True)
    assert gold.options[gold.start] == gold.options[gold.end] == 0


def test_no_answer_in_an_empty_context():
    gold = find(make_example(ENGLISH, QUESTION, ""), can_abstain=True)
    assert (gold.options.tolist(), gold.start) == ([0], 0)


def test_no_annotation():
    assert find(make_example(ENGLISH, QUESTION, CONTEXT, None)) is None


def test_an_answer_that_is_part_of_a_token_is_widened():
    """The reference has tokens that the pipeline has not."""
    text = "who?\x1eNew-Yorkers sat"
    reference = Doc(
        ENGLISH.vocab,
        words=["who", "?", "\x1e", "New-", "Yorkers", "sat"],
        spaces=[False, False, False, False, True, False],
    )
    reference.spans["answers"] = [reference[4:5]]
    predicted = Doc(
        ENGLISH.vocab,
        words=["who", "?", "\x1e", "New-Yorkers", "sat"],
        spaces=[False, False, False, True, False],
    )
    assert predicted.text == reference.text == text
    gold = find(Example(predicted, reference))
    assert gold.options[[gold.start, gold.end]].tolist() == [3, 3]


def test_an_answer_across_the_border_is_refused():
    example = make_example(ENGLISH, QUESTION, CONTEXT, None)
    example.reference.spans["answers"] = [example.reference[2:5]]
    with pytest.raises(ValueError, match="expected an answer within the context"):
        find(example)


def test_no_answer_and_no_way_to_say_so():
    with pytest.raises(ValueError, match=r"Set \[components.extractive_qa.model.cls\]"):
        find(make_example(ENGLISH, QUESTION, CONTEXT))


def test_docs_of_other_texts_are_refused():
    reference = make_example(ENGLISH, QUESTION, CONTEXT, "cat").reference
    predicted = make_pair_doc(ENGLISH, QUESTION, CONTEXT.lower(), separator="\x1e")
    with pytest.raises(ValueError, match="expected the same text in both Docs"):
        find(Example(predicted, reference))


def test_an_annotated_doc_of_one_text_is_refused():
    doc = ENGLISH.make_doc(CONTEXT)
    doc.spans["answers"] = [doc[0:1]]
    with pytest.raises(ValueError, match="make_pair_doc"):
        find(Example(ENGLISH.make_doc(CONTEXT), doc))
