"""Files in the format of SQuAD -> Docs of a question and its context.

SQuAD v1.1 and v2.0 and CMRC 2018 have this format: articles ("data") of "paragraphs",
each a "context" with questions ("qas") and their "answers".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import srsly
from spacy.language import Language
from spacy.tokens import Doc, SpanGroup

from ..pipeline.segments import make_pair_doc
from .answer_scorer import TEXTS_ATTR

Misplaced = Literal["error", "skip"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """answers: their texts; places: (start, end) of those that stand in the context."""

    question: str
    context: str
    answers: list[str]
    places: list[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class SquadFile:
    """n_misplaced: answers whose text is not in the context at their offset; n_skipped:
    questions left out because all their answers are such."""

    questions: list[Question]
    n_misplaced: int
    n_skipped: int


def read_squad(path: Path, *, misplaced: Misplaced = "error") -> SquadFile:
    """The questions of a file, in its order.

    misplaced: what to do if an answer's text is not in the context at its offset:
        raise ValueError, or "skip" its place (its text still counts when scoring).

    Raises ValueError too if the file is of another format or has no questions.
    """
    if misplaced not in get_args(Misplaced):
        raise ValueError(
            f"Expected misplaced to be one of {', '.join(get_args(Misplaced))}, got "
            f"{misplaced!r}."
        )
    questions = []
    n_misplaced = n_skipped = 0
    for context, record in _records(path):
        name = f"{path}, question {record.get('id', '?')}"
        question, n_wrong = _read_question(context, record, name)
        if n_wrong and misplaced == "error":
            raise ValueError(
                f"{name}: expected each answer to be in the context at its "
                f"answer_start, got {record['answers']}. Mend the file, or skip such "
                "answers (misplaced = 'skip', or --skip-misplaced)."
            )
        n_misplaced += n_wrong
        if n_wrong and not question.places:
            n_skipped += 1
        else:
            questions.append(question)
    if not questions:
        raise ValueError(f"{path}: expected questions, found none.")
    return SquadFile(questions=questions, n_misplaced=n_misplaced, n_skipped=n_skipped)


def make_question_doc(
    nlp: Language, question: Question, *, spans_key: str, separator: str | None = None
) -> Doc:
    """A pair Doc with doc.spans[spans_key]; an empty group says there is no answer.

    separator: as `make_pair_doc` takes it.

    The spans are the tokens that the answers touch; the group's attrs["texts"] keeps
    the answers word for word.
    """
    texts = question.question, question.context
    doc = make_pair_doc(nlp, *texts, separator=separator)
    border = len(question.question) + 1
    group = SpanGroup(doc, name=spans_key, attrs={TEXTS_ATTR: question.answers})
    for start, end in question.places:
        span = doc.char_span(border + start, border + end, alignment_mode="expand")
        assert span is not None  # What "expand" gives for places within the text.
        group.append(span)
    doc.spans[spans_key] = group
    return doc


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each question's context and record."""
    try:
        articles = srsly.json_loads(path.read_text(encoding="utf-8-sig"))["data"]
        for article in articles:
            for paragraph in article["paragraphs"]:
                for record in paragraph["qas"]:
                    if not isinstance(record, dict):
                        raise TypeError(f"{record!r:.60}, which is no question")
                    yield paragraph["context"], record
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected the JSON of SQuAD, data -> paragraphs -> context and "
            f"qas; got {type(error).__name__}: {error}."
        ) from error


def _read_question(
    context: str, record: dict[str, Any], name: str
) -> tuple[Question, int]:
    """The question and how many of its answers are misplaced."""
    try:
        text = record["question"]
        is_impossible = record.get("is_impossible", False)
        given = [] if is_impossible else record["answers"]
        answers = [(answer["text"], answer["answer_start"]) for answer in given]
        _check_types(context, text, answers, is_impossible)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{name}: expected a question and its answers, each with text and "
            f"answer_start, in a context; got {type(error).__name__}: {error}."
        ) from error
    if not answers and not is_impossible and "is_impossible" in record:
        raise ValueError(
            f"{name}: expected answers, since is_impossible is false; got none."
        )
    places = []
    for answer, start in answers:
        # White space around an answer may share a token with what is outside.
        if answer.strip() and start >= 0 and context.startswith(answer, start):
            first = start + len(answer) - len(answer.lstrip())
            places.append((first, first + len(answer.strip())))
    question = Question(
        question=text,
        context=context,
        answers=[answer for answer, _ in answers],
        places=places,
    )
    return question, len(answers) - len(places)


def _check_types(
    context: Any, question: Any, answers: list[tuple[Any, Any]], is_impossible: Any
) -> None:
    """Raises TypeError."""
    texts = [context, question, *(text for text, _ in answers)]
    for value, kind in [
        *((text, str) for text in texts),
        *((start, int) for _, start in answers),
        (is_impossible, bool),
    ]:
        if not isinstance(value, kind):
            raise TypeError(f"{value!r}, which is no {kind.__name__}")
    try:
        "".join(texts).encode("utf8")
    except UnicodeEncodeError as error:
        raise TypeError(f"half a character: {error}") from error
