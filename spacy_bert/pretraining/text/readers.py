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
from typing import Any

import catalogue

from ..sections import check_names
from .extras import import_extra
from .sources import COMPRESSED, Source

Reader = Callable[..., Iterator[str]]

readers = catalogue.create("spacy_bert", "readers", entry_points=True)

# Where large files may be cut: behind a match a document begins.
BORDERS = {
    "text": re.compile(rb"\n[ \t\r]*\n"),
    "wiki": re.compile(rb"\n(?=<doc )"),
    "jsonl": re.compile(rb"\n"),
}

_BY_SUFFIX = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".spacy": "docbin",
}
# A document is held in memory.
_MAX_CHARS = 1 << 28


@readers.register("text")
def read_text(source: Source) -> Iterator[str]:
    """Plain text with a blank line between documents."""
    lines: list[str] = []
    n_chars = 0
    for line in source.lines():
        if line:
            lines.append(line)
            n_chars += len(line)
            if n_chars > _MAX_CHARS:
                raise ValueError(
                    f"{source.path}: expected documents of at most {_MAX_CHARS:,} "
                    f"characters, got a longer one. It begins with {lines[0][:60]!r}. "
                    "Put a blank line between documents."
                )
        elif lines:
            yield "\n".join(lines)
            lines, n_chars = [], 0
    yield "\n".join(lines)


@readers.register("wiki")
def read_wiki(source: Source) -> Iterator[str]:
    """WikiExtractor's <doc> elements, without the title that is their first line."""
    lines: list[str] = []
    for line in source.lines():
        if line == "</doc>" or line.startswith("<doc "):
            yield "\n".join(lines[1:])
            lines = []
        elif line:
            lines.append(unescape(line))
    yield "\n".join(lines[1:])


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
        yield _checked(text, source)


@readers.register("parquet")
def read_parquet(source: Source, *, field: str = "text") -> Iterator[str]:
    """A column of a Parquet file, a document a row."""
    parquet = import_extra("pyarrow.parquet", extra="parquet")
    try:
        opened = parquet.ParquetFile(source.path)
    except ValueError as error:
        raise ValueError(f"{source.path}: expected a Parquet file: {error}") from error
    with opened as file:
        names = file.schema_arrow.names
        check_names([field], names, what="column", where=f"in {source.path}")
        for batch in file.iter_batches(batch_size=1024, columns=[field]):
            for text in batch.column(0).to_pylist():
                yield _checked(text, source)


def detect_reader(file: Path) -> str:
    """By the file's name, or else by its first line that is not blank."""
    name = file.with_suffix("") if file.suffix in COMPRESSED else file
    if known := _BY_SUFFIX.get(name.suffix):
        return known
    lines = Source(reader="", path=str(file), n_bytes=0).lines()
    first = next(filter(None, lines), "")
    return "wiki" if first.startswith("<doc ") else "text"


def check_reader(name: str) -> None:
    """Raises ValueError where there is none of that name."""
    if name != "auto" and name not in readers:
        known = {*readers.get_all(), "auto"}
        check_names([name], known, what="reader", where="in [corpus]")


def check_settings(settings: Iterable[str], names: Iterable[str]) -> None:
    """Raises ValueError where none of the readers knows a setting."""
    known = [name for reader in names for name in _parameters(readers.get(reader))]
    if "" not in known:
        check_names(settings, known, what="key", where="in [corpus.settings]")


def read_texts(source: Source, settings: Mapping[str, Any]) -> Iterator[str]:
    """With those of the settings that its reader knows."""
    reader = readers.get(source.reader)
    known = _parameters(reader)
    if "" not in known:
        settings = {name: settings[name] for name in settings if name in known}
    return reader(source, **settings)


def _parameters(reader: Reader) -> list[str]:
    """The names of a reader's settings; "" stands for any."""
    _, *settings = signature(reader).parameters.values()
    return ["" if p.kind is Parameter.VAR_KEYWORD else p.name for p in settings]


def _checked(text: Any, source: Source) -> str:
    """A missing text is an empty one; half a character, as JSON's "\\ud83d" without the
    other half, becomes U+FFFD."""
    if not isinstance(text, str | None):
        raise ValueError(f"{source.path}: expected text, got {text!r:.80}.")
    text = text or ""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
