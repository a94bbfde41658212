"""Text files -> documents -> sentences, one document in memory at a time.

Plain text has a blank line between documents. WikiExtractor's shards, recognized by a
first line `<doc ...>`, have one `<doc>` element for each; its title line is dropped.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from html import unescape
from pathlib import Path

# A paragraph -> its sentences.
Splitter = Callable[[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class Document:
    """The lines of a document that are not blank; `n_bytes` of its file end here,
    counted from the previous document's end."""

    lines: list[str]
    n_bytes: int


def find_files(path: str) -> list[Path]:
    """The files of a path, of a folder and its subfolders, or of a glob, sorted.

    Raises FileNotFoundError where there are none.
    """
    if not path:
        raise FileNotFoundError(
            "[corpus] path: expected a file or folder, got nothing."
        )
    if Path(path).is_file():
        return [Path(path)]
    if Path(path).is_dir():
        found = [file for file in Path(path).rglob("*") if file.is_file()]
        files = [file for file in found if not _is_hidden(file.relative_to(path))]
    elif has_magic(path):
        files = [Path(name) for name in glob(path, recursive=True)]
        files = [file for file in files if file.is_file()]
    else:
        raise FileNotFoundError(
            f"[corpus] path: expected a text file, a folder of them or a glob, but "
            f"there is nothing at {path}. Paths start from the current folder."
        )
    if not files:
        raise FileNotFoundError(
            f"[corpus] path: expected text files, found none at {path}."
        )
    return sorted(files)


def read_documents(files: Iterable[Path]) -> Iterator[Document]:
    """The documents of all files, in order.

    Raises ValueError where a file is not UTF-8.
    """
    for file in files:
        yield from _read_file(file)


def split_sentences(document: Document, splitter: Splitter | None) -> list[str]:
    """Its lines, or where there is a splitter the sentences of each line."""
    if splitter is None:
        return document.lines
    return [sentence for line in document.lines for sentence in splitter(line)]


def held_out_draw(document: Document) -> float:
    """A number in [0, 1) that only the text decides, so that documents which are held
    out stay so when the corpus grows."""
    text = "\n".join(document.lines).encode("utf8")
    digest = hashlib.blake2b(text, digest_size=7).digest()
    # 52 bits, as many as a float holds exactly.
    return (int.from_bytes(digest, "little") >> 4) / 2**52


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _read_file(file: Path) -> Iterator[Document]:
    lines = _decode_lines(file)
    for first, position in lines:
        if first:
            shard = first.startswith("<doc ")
            read = _read_wiki if shard else _read_plain
            yield from read(first, position, lines)


def _read_plain(
    first: str, position: int, lines: Iterator[tuple[str, int]]
) -> Iterator[Document]:
    document, start = [first], 0
    for line, position in lines:
        if line:
            document.append(line)
        elif document:
            yield Document(lines=document, n_bytes=position - start)
            document, start = [], position
    if document:
        yield Document(lines=document, n_bytes=position - start)


def _read_wiki(
    first: str, position: int, lines: Iterator[tuple[str, int]]
) -> Iterator[Document]:
    document: list[str] = []
    start = 0
    for line, position in lines:
        if line == "</doc>" or line.startswith("<doc "):
            # The first line of a body is the title.
            if len(document) > 1:
                yield Document(lines=document[1:], n_bytes=position - start)
                start = position
            document = []
        elif line:
            document.append(unescape(line))
    if len(document) > 1:
        yield Document(lines=document[1:], n_bytes=position - start)


def _decode_lines(file: Path) -> Iterator[tuple[str, int]]:
    """Each line without the spaces around it, and the byte at which it ends."""
    position = 0
    with file.open("rb") as stream:
        for raw in stream:
            try:
                line = raw.decode("utf8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{file}: expected UTF-8 text, but byte {position + error.start} "
                    f"is not ({error.reason}). Convert the file, or leave it out."
                ) from error
            position += len(raw)
            yield line.lstrip("\ufeff").strip(), position
