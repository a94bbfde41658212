"""Where the context of a question stands in its Doc, and in the logits of its Doc."""

from spacy.tokens import Doc, Span

from ..pipeline.segments import split_segments


def get_context(doc: Doc) -> Span:
    """The second segment. Raises ValueError where the Doc is not a pair."""
    segments = split_segments(doc)
    if segments is None:
        raise ValueError(
            "extractive_qa: expected a Doc of a question and its context, got one "
            f"text: {doc.text[:60]!r}. Make such Docs with "
            "spacy_bert.make_pair_doc(nlp, question, context)."
        )
    return segments[1]


def context_rows(context: Span, *, can_abstain: bool) -> slice:
    """The context's rows of the Doc's logits, whose first row is that of "no answer"
    where there is that option."""
    n_before = int(can_abstain)
    return slice(context.start + n_before, context.end + n_before)
