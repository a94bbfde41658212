"""What a data set gives: Docs by the name of their split."""

import csv
from collections.abc import Iterable
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from spacy_bert.pipeline.segments import RECORD_SEPARATOR
from spacy_bert.pipeline.segments import make_pair_doc as make_any_pair
from spacy_bert.tasks.qa.squad_files import Question
from spacy_bert.tasks.qa.squad_files import make_question_doc as make_any_question

Splits = dict[str, list[Doc]]
Row = dict[str, str]


class _PlainTsv(csv.excel_tab):
    quoting = csv.QUOTE_NONE


def read_rows(path: Path) -> list[Row]:
    """A CSV file, or a TSV file, in which quotes mean nothing."""
    dialect = csv.excel if path.suffix == ".csv" else _PlainTsv
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file, dialect=dialect))


def with_cats(doc: Doc, cats: dict[str, float]) -> Doc:
    doc.cats = cats
    return doc


def with_class(doc: Doc, label: str, labels: Iterable[str]) -> Doc:
    """1 for its label, and 0 for the others."""
    return with_cats(doc, {name: float(name == label) for name in labels})


def make_pair(nlp: Language, first: str, second: str) -> Doc:
    return make_any_pair(nlp, first, second, separator=RECORD_SEPARATOR)


def make_question(nlp: Language, question: Question) -> Doc:
    return make_any_question(
        nlp, question, spans_key="answers", separator=RECORD_SEPARATOR
    )
