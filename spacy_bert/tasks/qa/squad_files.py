"""Files in the format of SQuAD -> Docs of a question and its context.

SQuAD v1.1 and v2.0 and CMRC 2018 have this format: articles ("data") of "paragraphs",
each a "context" with questions ("qas") and their "answers".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import srsly
from spacy.language import Language
from spacy.tokens import Doc, SpanGroup

from ...pipeline.segments import make_pair_doc
from .scorer import TEXTS_ATTR

Misplaced = Literal["error", "skip"]
Value = TypeVar("Value")

_KINDS = {list: "a list", str: "text", int: "a whole number", bool: "true or false"}
_HELP = (
    "SQuAD's format is an object with data, a list of articles; an article has "
    "paragraphs; a paragraph a context and qas; each of qas a question and answers; an "
    "answer text and answer_start."
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """answers: their texts; spans: (start, end) of those that are in the context."""

    question: str
    context: str
    answers: list[str]
    spans: list[tuple[int, int]]


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
        raise ValueError, or "skip" its span (its text still counts when scoring).

    Raises ValueError too if the file is of another format or has no questions.
    """
    if misplaced not in get_args(Misplaced):
        raise ValueError(
            f"Expected misplaced to be one of {', '.join(get_args(Misplaced))}, got "
            f"{misplaced!r}."
        )
    questions = []
    n_misplaced = n_skipped = 0
    for context, record, where in _records(path):
        question, n_wrong = _read_question(context, record, where)
        if n_wrong and misplaced == "error":
            raise ValueError(
                f"{path}, question {record.get('id', '?')}: expected each answer to be "
                f"in the context at its answer_start, got {record['answers']}. Correct "
                "the file, or skip such answers (misplaced = 'skip', or "
                "--skip-misplaced)."
            )
        n_misplaced += n_wrong
        if n_wrong and not question.spans:
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
    for start, end in question.spans:
        span = doc.char_span(border + start, border + end, alignment_mode="expand")
        assert span is not None  # What "expand" gives for spans within the text.
        group.append(span)
    doc.spans[spans_key] = group
    return doc


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each question's context and record, and where that is, for errors."""
    try:
        content = srsly.json_loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path}: expected JSON in UTF-8: {error}.") from error
    for article, in_data in _items(content, "data", f"{path}: "):
        for paragraph, in_article in _items(article, "paragraphs", f"{in_data}."):
            context = _value(paragraph, "context", str, f"{in_article}.")
            for record, where in _items(paragraph, "qas", f"{in_article}."):
                _value(record, "question", str, f"{where}.")
                yield context, record, where


def _read_question(
    context: str, record: dict[str, Any], where: str
) -> tuple[Question, int]:
    """The question and how many of its answers are misplaced."""
    where = f"{where}."
    is_impossible = False
    if "is_impossible" in record:
        is_impossible = _value(record, "is_impossible", bool, where)
    answers = []
    for answer, inside in () if is_impossible else _items(record, "answers", where):
        text = _value(answer, "text", str, f"{inside}.")
        answers.append((text, _value(answer, "answer_start", int, f"{inside}.")))
    if not answers and not is_impossible and "is_impossible" in record:
        raise ValueError(
            f"{where}answers: expected some, since is_impossible is false; got none."
        )
    spans = []
    for answer, start in answers:
        # White space around an answer may share a token with what is outside.
        if answer.strip() and start >= 0 and context.startswith(answer, start):
            first = start + len(answer) - len(answer.lstrip())
            spans.append((first, first + len(answer.strip())))
    question = Question(
        question=record["question"],
        context=context,
        answers=[answer for answer, _ in answers],
        spans=spans,
    )
    return question, len(answers) - len(spans)


def _items(parent: Any, key: str, where: str) -> Iterator[tuple[Any, str]]:
    """The items of parent[key], a list, and where each is: "a.json: data[0]"."""
    for number, item in enumerate(_value(parent, key, list, where)):
        yield item, f"{where}{key}[{number}]"


def _value(parent: Any, key: str, kind: type[Value], where: str) -> Value:
    """parent[key]. Raises ValueError that says where, if it is missing or no `kind`."""
    if not isinstance(parent, dict):
        raise ValueError(
            f"{where.rstrip(': .')}: expected an object, got {_short(parent)}. {_HELP}"
        )
    if key not in parent:
        raise ValueError(
            f"{where}{key}: expected {_KINDS[kind]}, got an object without {key!r}: "
            f"{_short(parent)}. {_HELP}"
        )
    value = parent[key]
    # A bool is an int, too.
    if type(value) is not kind:
        raise ValueError(
            f"{where}{key}: expected {_KINDS[kind]}, got {_short(value)}. {_HELP}"
        )
    if isinstance(value, str):
        try:
            value.encode("utf8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{where}{key}: expected whole characters, got half of one: {error}."
            ) from error
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
