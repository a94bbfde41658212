"""What a question's answer is: Example -> indices of the Doc's logits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Span
from spacy.training import Example

from .contexts import context_slice, get_context

NO_ANSWER_INDEX = 0


@dataclass(frozen=True, kw_only=True)
class GoldAnswer:
    """options: the indices that could be chosen, (n_options,); start, end: which of
    `options` are right."""

    options: NDArray[np.int64]
    start: int
    end: int


def find_gold_answer(
    example: Example, *, spans_key: str, can_abstain: bool, separator: str
) -> GoldAnswer | None:
    """The first answer in reference.spans[spans_key]; None if the key is missing.

    separator: the encoder's pair_separator.

    An empty group says that there is no answer. An answer that does not begin or end
    with a token of the predicted Doc is widened to the tokens it touches.

    Raises ValueError if the Doc is not a pair, the answer is not in the context, or
    there is none and can_abstain is False.
    """
    if spans_key not in example.reference.spans:
        return None
    context = get_context(example.predicted, separator)
    among_logits = context_slice(context, can_abstain=can_abstain)
    options = np.arange(among_logits.start, among_logits.stop)
    if can_abstain:
        options = np.insert(options, 0, NO_ANSWER_INDEX)
    answers = example.reference.spans[spans_key]
    if len(answers):
        span = _in_context(example, answers[0], context)
        # The option "no answer" comes before the context's tokens.
        first = span.start - context.start + can_abstain
        return GoldAnswer(options=options, start=first, end=first + len(span) - 1)
    if not can_abstain:
        raise ValueError(
            f"extractive_qa: a question has no answer (an empty group "
            f"reference.spans[{spans_key!r}]), and the model always gives one: "
            f"{example.reference.text[:60]!r}. Set "
            "[components.extractive_qa.model.cls], or leave such questions out."
        )
    return GoldAnswer(options=options, start=0, end=0)


def _in_context(example: Example, answer: Span, context: Span) -> Span:
    """The answer in the predicted Doc."""
    doc = example.predicted
    if doc.text != example.reference.text:
        raise ValueError(
            "extractive_qa: expected the same text in both Docs of an Example, got "
            f"{doc.text[:60]!r} and {example.reference.text[:60]!r}."
        )
    span = doc.char_span(answer.start_char, answer.end_char, alignment_mode="expand")
    if span is None or span.start < context.start or not len(span):
        raise ValueError(
            "extractive_qa: expected an answer within the context, got "
            f"{answer.text!r}, characters {answer.start_char} to {answer.end_char} of "
            f"{doc.text[:60]!r}, whose context starts at {context.start_char}."
        )
    return span
