"""A corpus -> documents -> sentences, one document in memory at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..sections import expect
from .hub_datasets import find_shards
from .readers import BORDERS, check_reader, check_settings, detect_reader, read_texts
from .sources import Source, cut_file, find_files

# Files are cut into ranges, and small ones put together, of this size, or of a
# size that makes so many of them: enough to share out, few enough to keep track of.
SHARD_BYTES = 1 << 23
MAX_SHARDS = 1024


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """The text, and how it becomes sentences.

    path: a file, a folder or a glob, or what the reader knows under that name.
    reader: "auto", by each file's name and content, or the name of a reader.
    settings: the reader's own.
    sentences: "lines", one a line; "sentencizer", spaCy's for `lang`; or the name or
        path of a spaCy pipeline that finds sentences.
    held_out_ratio: the fraction of documents that are kept for evaluation, or, of a
        corpus of less than four, of the sentences of each.
    """

    path: str
    reader: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    sentences: str = "sentencizer"
    lang: str = "en"
    held_out_ratio: float = 0.02

    def __post_init__(self) -> None:
        expect(
            0.0 < self.held_out_ratio <= 0.5,
            setting="[corpus] held_out_ratio",
            expected="a fraction above 0 and at most 0.5",
            got=self.held_out_ratio,
        )


class Sentence(NamedTuple):
    """`word_starts`: the characters at which its words begin, if they were found."""

    text: str
    word_starts: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Splitter:
    """`split`: paragraphs -> the sentences of each, in a process of its own, so it can
    be pickled. `name`: what the index records. `finds_words`: whether sentences come
    with their words, for the masking of whole words."""

    name: str
    split: Callable[[list[str]], list[list[Sentence]]]
    finds_words: bool = False


def find_sources(corpus: CorpusConfig) -> list[Source]:
    """Raises FileNotFoundError or ValueError if there is nothing to read."""
    check_reader(corpus.reader)
    if corpus.reader == "datasets":
        check_settings(corpus.settings, ["datasets"])
        return find_shards(corpus.path, **corpus.settings)
    files = find_files(corpus.path)
    n_bytes = shard_bytes(sum(file.stat().st_size for file in files))
    sources: list[Source] = []
    for file in files:
        reader = detect_reader(file) if corpus.reader == "auto" else corpus.reader
        sources += cut_file(file, reader, BORDERS.get(reader), n_bytes)
    check_settings(corpus.settings, {source.reader for source in sources})
    return sources


def shard_bytes(n_bytes: int) -> int:
    return max(SHARD_BYTES, -(-n_bytes // MAX_SHARDS))


def read_documents(
    sources: Sequence[Source], settings: Mapping[str, Any]
) -> Iterator[list[str]]:
    """Each document's lines that are not blank; documents without any are left out."""
    for source in sources:
        for text in read_texts(source, settings):
            lines = [line for raw in text.split("\n") if (line := raw.strip())]
            if lines:
                yield lines
