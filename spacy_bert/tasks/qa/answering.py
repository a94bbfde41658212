"""Texts of questions and contexts -> Answers, by a pipeline with `extractive_qa`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spacy.language import Language
from spacy.tokens import Doc

from ...pipeline.segments import get_pair_separator, make_pair_doc


@dataclass(frozen=True, kw_only=True)
class Answer:
    """start_char, end_char: in the context. probability: among all its valid spans, and
    "no answer" if the model has that option."""

    text: str
    start_char: int
    end_char: int
    probability: float


def answer(
    nlp: Language, question: str, context: str, *, name: str = "extractive_qa"
) -> list[Answer]:
    """As `answer_batch`, for one question."""
    return next(answer_batch(nlp, [(question, context)], name=name))


def answer_batch(
    nlp: Language,
    pairs: Iterable[tuple[str, str]],
    *,
    batch_size: int | None = None,
    name: str = "extractive_qa",
) -> Iterator[list[Answer]]:
    """The n_best answers to each (question, context), best first.

    None if the context is empty, or the model finds that it holds no answer.

    batch_size: Docs that go through the pipeline together; by default the pipeline's.
    name: the component's.

    Raises ValueError for an empty question, which says nothing to look for, and if
    the pipeline has no such component or its encoder no pair_separator.
    """
    if name not in nlp.pipe_names:
        raise ValueError(
            f"Expected a pipeline with a component {name!r} that is not disabled, got "
            f"{', '.join(nlp.pipe_names) or 'an empty one'}."
        )
    spans_key = nlp.get_pipe(name).cfg["spans_key"]  # type: ignore[attr-defined]
    separator = get_pair_separator(nlp)
    docs = (_make_doc(nlp, question, context, separator) for question, context in pairs)
    for doc in nlp.pipe(docs, batch_size=batch_size):
        yield _read_answers(doc, spans_key, separator)


def _read_answers(doc: Doc, spans_key: str, separator: str) -> list[Answer]:
    """What `extractive_qa` wrote on the Doc."""
    group = doc.spans[spans_key]
    # Not where the context's first token starts: white space there joins the separator.
    border = doc.text.index(separator) + 1
    return [
        Answer(
            text=span.text,
            start_char=span.start_char - border,
            end_char=span.end_char - border,
            probability=float(probability),
        )
        for span, probability in zip(group, group.attrs["scores"], strict=True)
    ]


def _make_doc(nlp: Language, question: str, context: str, separator: str) -> Doc:
    if not isinstance(question, str) or not question.strip():
        raise ValueError(
            f"Expected a question, got {question!r} about the context "
            f"{str(context)[:60]!r}."
        )
    return make_pair_doc(nlp, question, context, separator=separator)
