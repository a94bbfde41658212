"""spaCy's .spacy files as pretraining text, by an entry point of `spacy_bert_readers`.

A Doc is a document: a sentence a line where sentences are annotated, else its text.
"""

from collections.abc import Iterator

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..pretraining.text.sources import Source


def read_docbin(source: Source) -> Iterator[str]:
    """Raises ValueError where the file is no DocBin."""
    try:
        docs = DocBin().from_disk(source.path)
    except ValueError as error:
        raise ValueError(f"{source.path}: expected a .spacy file ({error}).") from error
    for doc in docs.get_docs(Vocab()):
        yield _text(doc)


def _text(doc: Doc) -> str:
    if not doc.has_annotation("SENT_START"):
        return doc.text
    return "\n".join(" ".join(sent.text.split()) for sent in doc.sents)
