"""Annotated Docs -> a number that is another one for other Docs."""

from collections.abc import Iterable
from zlib import crc32

from spacy.attrs import (
    DEP,
    ENT_IOB,
    ENT_KB_ID,
    ENT_TYPE,
    HEAD,
    LEMMA,
    MORPH,
    ORTH,
    POS,
    SENT_START,
    SPACY,
    TAG,
)
from spacy.tokens import Doc
from spacy.training import Example

_ATTRIBUTES = [
    *(ORTH, SPACY, TAG, POS, MORPH, LEMMA, DEP, HEAD),
    *(ENT_IOB, ENT_TYPE, ENT_KB_ID, SENT_START),
]


def fingerprint(examples: Iterable[Example], start: int = 0) -> int:
    """It covers words and annotation. start: that of the Docs before them."""
    for example in examples:
        doc = example.reference
        start = crc32(doc.to_array(_ATTRIBUTES).tobytes(), start)
        start = crc32(repr(_annotations(doc)).encode(), start)
    return start


def _annotations(doc: Doc) -> tuple[object, ...]:
    spans = {
        key: [(span.start, span.end, span.label_, span.id_) for span in group]
        for key, group in doc.spans.items()
    }
    return sorted(doc.cats.items()), sorted(spans.items())
