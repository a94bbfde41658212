"""Readers: a source -> the texts of its documents, one at a time.

A reader is a function of a Source and, by name, the keys of [corpus.settings]. Others
than those here are added to `readers`, or as entry points of `spacy_bert_readers`. Each
line of a text is a sentence or a paragraph, as [corpus] sentences says.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import unescape
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, get_type_hints

import catalogue

from ..sections import check_names, check_types
from .columns import read_column
from .extras import import_extra
from .sources import COMPRESSED, MAX_DOCUMENT_CHARS, Source

Reader = Callable[..., Iterator[str]]

readers = catalogue.create("spacy_bert", "readers", entry_points=True)

# Where large files may be cut: behind a match a document begins.
BORDERS = {
    "text": re.compile(rb"\n[ \t\r]*\n"),
    "wiki": re.compile(rb"\n(?=<doc )"),
    "jsonl": re.compile(rb"\n"),
}

_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".spacy": "docbin",
}
# Read as text, these would teach a model their markup; others are no UTF-8 at all.
_NO_TEXT = {".xml", ".html", ".htm", ".pdf", ".docx", ".xlsx", ".zip", ".bz2", ".xz"}
# Rows of a Parquet file that are held in memory.
_N_ROWS = 128


@readers.register("text")
def read_text(source: Source) -> Iterator[str]:
    """Plain text with a blank line between documents."""
    document = _Document(source)
    for line in source.lines():
        if line:
            document.add(line)
        else:
            yield document.take()
    yield document.take()


@readers.register("files")
def read_file(source: Source) -> Iterator[str]:
    """Plain text, a document a file. Blank lines part nothing but paragraphs."""
    document = _Document(source)
    for line in source.lines():
        document.add(line)
    yield document.take()


@readers.register("wiki")
def read_wiki(source: Source) -> Iterator[str]:
    """WikiExtractor's <doc> elements, without the title that is their first line."""
    document = _Document(source)
    for line in source.lines():
        if line == "</doc>" or line.startswith("<doc "):
            yield _without_title(document.take())
        elif line:
            document.add(unescape(line))
    yield _without_title(document.take())


@readers.register("jsonl")
def read_jsonl(source: Source, *, field: str = "text") -> Iterator[str]:
    """One JSON object a line, a document each."""
    for line in filter(None, source.lines()):
        try:
            text = json.loads(line)[field]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise ValueError(
                f"{source.path}: expected a JSON object with the field {field!r} on "
                f"each line, got {line[:80]!r}. Name the field of the text under "
                "[corpus.settings]: field = ..."
            ) from error
        yield text


@readers.register("parquet")
def read_parquet(source: Source, *, field: str = "text") -> Iterator[str]:
    """A column of a Parquet file, a document a row."""
    parquet = import_extra("pyarrow.parquet", extra="parquet")
    try:
        with parquet.ParquetFile(source.path) as file:
            names = file.schema_arrow.names
            check_names([field], names, what="column", where=f"in {source.path}")
            for batch in file.iter_batches(batch_size=_N_ROWS, columns=[field]):
                for text in batch.column(0):
                    yield text.as_py()
    except (ValueError, OSError, NotImplementedError) as error:
        if source.path in str(error):
            raise
        raise ValueError(f"{source.path}: expected a Parquet file: {error}") from error


@readers.register("csv")
def read_csv(
    source: Source,
    *,
    field: str = "text",
    delimiter: str | None = None,
    quoted: bool | None = None,
) -> Iterator[str]:
    """A column of a CSV or TSV file, by the name in its first row; a document a row."""
    return read_column(source, field, delimiter=delimiter, quoted=quoted)


def detect_reader(file: Path) -> str:
    """By the file's name, or else by its first line that is not blank. Raises
    ValueError if its name says that it is no plain text."""
    name = file.with_suffix("") if file.suffix in COMPRESSED else file
    suffix = name.suffix.lower()
    if known := _BY_SUFFIX.get(suffix):
        return known
    if suffix in _NO_TEXT:
        raise ValueError(
            f"{file}: expected plain text, .jsonl, .csv, .tsv, .parquet or .spacy, got "
            f"a {suffix} file. Take its text out, leave it out, or, to read it as it "
            "is, set [corpus] reader = 'text'."
        )
    lines = Source(reader="", path=str(file), n_bytes=0).lines()
    first = next(filter(None, lines), "")
    return "wiki" if first.startswith("<doc ") else "text"


def check_reader(name: str) -> None:
    """Raises ValueError if there is none of that name."""
    if name != "auto" and name not in readers:
        known = {*readers.get_all(), "auto"}
        check_names([name], known, what="reader", where="in [corpus]")


def check_settings(settings: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raises ValueError if none of the readers knows a setting, or one that does
    expects another type."""
    found = [readers.get(name) for name in names]
    known = [name for reader in found for name in _parameters(reader)]
    if "" not in known:
        check_names(settings, known, what="key", where="in [corpus.settings]")
    for reader in found:
        check_types(settings, get_type_hints(reader), section="corpus.settings")


def read_texts(source: Source, settings: Mapping[str, Any]) -> Iterator[str]:
    """With those of the settings that its reader knows. Raises ValueError if it gives
    what is no text, or too long."""
    reader = readers.get(source.reader)
    known = _parameters(reader)
    if "" not in known:
        settings = {name: settings[name] for name in settings if name in known}
    for text in reader(source, **settings):
        yield _checked(text, source)


def _parameters(reader: Reader) -> list[str]:
    """The names of a reader's settings; "" is any of them."""
    _, *settings = signature(reader).parameters.values()
    return ["" if p.kind is Parameter.VAR_KEYWORD else p.name for p in settings]


class _Document:
    """Gathers the lines of a document, up to MAX_DOCUMENT_CHARS."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines: list[str] = []
        self._n_chars = 0

    def add(self, line: str) -> None:
        self._lines.append(line)
        self._n_chars += len(line) + 1
        _check_length(self._n_chars, self._lines[0], self._source)

    def take(self) -> str:
        text = "\n".join(self._lines)
        self._lines, self._n_chars = [], 0
        return text


def _without_title(text: str) -> str:
    return text.partition("\n")[2]


def _check_length(n_chars: int, beginning: str, source: Source) -> None:
    if n_chars > MAX_DOCUMENT_CHARS:
        raise ValueError(
            f"{source.path}: expected documents of at most {MAX_DOCUMENT_CHARS:,} "
            f"characters, got a longer one. It begins with {beginning[:60]!r}. Put a "
            "blank line between documents, or cut it in several."
        )


def _checked(text: object, source: Source) -> str:
    """A missing text is an empty one; half a character, as JSON's "\\ud83d" without the
    other half, becomes U+FFFD."""
    if not isinstance(text, str | None):
        raise ValueError(f"{source.path}: expected text, got {text!r:.80}.")
    text = text or ""
    _check_length(len(text), text, source)
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
