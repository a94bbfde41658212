"""Where the context of a question is in its Doc, and in the logits of its Doc."""

import warnings

from spacy.tokens import Doc, Span

from ...pipeline.segments import split_segments

_HOW_TO_MAKE = (
    "Make Docs of a question and its context with "
    "spacy_bert.make_pair_doc(nlp, question, context)."
)


def get_context(doc: Doc, separator: str) -> Span:
    """Return the second segment. Raises ValueError if the Doc is not a pair."""
    segments = split_segments(doc, separator)
    if segments is None:
        raise ValueError(
            "extractive_qa: expected a Doc of a question and its context, got one "
            f"text: {doc.text[:60]!r}. {_HOW_TO_MAKE}"
        )
    return segments[1]


def find_context(doc: Doc, separator: str) -> Span:
    """Return the second segment; for one text an empty one, which has no answers, and
    a warning: a text of unknown origin must not stop the Docs around it."""
    segments = split_segments(doc, separator)
    if segments is not None:
        return segments[1]
    # The same words each time, so that Python shows it once.
    warnings.warn(
        f"extractive_qa: a Doc of one text gets no answer. {_HOW_TO_MAKE}", stacklevel=2
    )
    return doc[len(doc) :]


def context_slice(context: Span, *, can_abstain: bool) -> slice:
    """Where the context's logits are among the Doc's, which begin with those of "no
    answer" if there is that option."""
    n_before = int(can_abstain)
    return slice(context.start + n_before, context.end + n_before)
