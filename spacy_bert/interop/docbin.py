"""spaCy's .spacy files as pretraining text, by an entry point of `spacy_bert_readers`.

A Doc is a document: a sentence a line if sentences are annotated, else its text.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..corpus.sources import Source
from ..sections import expect

# Unpacked at a time, when the size is counted.
_PACKED_BYTES, _UNPACKED_BYTES = 1 << 14, 1 << 20
# What spaCy raises for what is packed like a DocBin and is none.
_FAULTS = (
    *(ValueError, TypeError, LookupError),
    *(AttributeError, ArithmeticError, AssertionError),
)


def read_docbin(source: Source, *, max_bytes: int = 1 << 30) -> Iterator[str]:
    """Yield the text of each Doc.

    max_bytes: how large the file may be when it is unpacked. It is held in memory, more
        than twice.

    Raises ValueError if it is larger, or no DocBin.
    """
    place = "[corpus.settings] max_bytes"
    expect(max_bytes > 0, place=place, expected="a number above 0", got=max_bytes)
    packed = Path(source.path).read_bytes()
    try:
        n_bytes = _count_unpacked(packed, max_bytes)
        if n_bytes <= max_bytes:
            yield from map(_text, DocBin().from_bytes(packed).get_docs(Vocab()))
            return
    except (zlib.error, *_FAULTS) as error:
        raise ValueError(
            f"{source.path}: expected a .spacy file ({type(error).__name__}: {error}). "
            "Write it again with DocBin.to_disk, or leave it out."
        ) from error
    raise ValueError(
        f"{source.path}: expected a .spacy file of at most {max_bytes:,} bytes when "
        "unpacked, got a larger one. Write it as several files, or, if it fits into "
        "memory several times, set max_bytes under [corpus.settings]."
    )


def _count_unpacked(packed: bytes, most: int) -> int:
    """How many bytes it holds; a number above `most` if they are more."""
    unpacking, n_bytes = zlib.decompressobj(), 0
    for start in range(0, len(packed), _PACKED_BYTES):
        part = packed[start : start + _PACKED_BYTES]
        while part and n_bytes <= most:
            n_bytes += len(unpacking.decompress(part, _UNPACKED_BYTES))
            part = unpacking.unconsumed_tail
    return n_bytes


def _text(doc: Doc) -> str:
    if not doc.has_annotation("SENT_START"):
        return doc.text
    return "\n".join(" ".join(sent.text.split()) for sent in doc.sents)
