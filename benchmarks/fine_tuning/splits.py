"""What a data set gives: Docs by the name of their split."""

from spacy.tokens import Doc

Splits = dict[str, list[Doc]]


def with_cats(doc: Doc, cats: dict[str, float]) -> Doc:
    doc.cats = cats
    return doc
