"""Where text is: files, and ranges of large ones -> their lines."""

import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from glob import glob, has_magic
from pathlib import Path
from typing import IO, Any

from .zst import ZstFile

COMPRESSED = (".gz", ".zst")
# Longer lines are refused before they are read whole: a small packed file may hold one
# of many gigabytes.
MAX_LINE_BYTES = 1 << 26
# A document is held in memory.
MAX_DOCUMENT_CHARS = 1 << 28

_READ_BYTES = 1 << 20
# What is kept of a block that was read, as a border may lie across two of them.
_OVERLAP = 256


@dataclass(frozen=True, kw_only=True)
class Source:
    """A text that can be read on its own.

    reader: the name of what reads it.
    path: a file, or what else its reader knows under that name.
    start, stop: bytes of the file; None is its end. Other readers have other ranges.
    n_bytes: its size, by which work is shared out.
    version: what tells its content from an earlier one, if it is no file.
    """

    reader: str
    path: str
    start: int = 0
    stop: int | None = None
    n_bytes: int
    version: str = ""

    @property
    def name(self) -> str:
        return Path(self.path).name

    def lines(self) -> Iterator[str]:
        """Without the spaces around them. Files ending in .gz and .zst are unpacked.

        Raises ValueError if the file is not UTF-8, or cannot be unpacked to its end,
        or a line is longer than MAX_LINE_BYTES.
        """
        for line in self.raw_lines():
            yield line.lstrip("\ufeff").strip()

    def raw_lines(self) -> Iterator[str]:
        """The same, as they are, each with the line feed that ends it."""
        position = self.start
        with _open(self.path) as stream:
            if position:
                stream.seek(position)
            for raw in _read_lines(stream, self.path, position):
                try:
                    line = raw.decode("utf8")
                except UnicodeDecodeError as error:
                    raise ValueError(
                        f"{self.path}: expected UTF-8 text, but byte "
                        f"{position + error.start} is not ({error.reason}). Convert "
                        "the file, or leave it out."
                    ) from error
                yield line
                position += len(raw)
                if position == self.stop:
                    return

    def record(self) -> list[Any]:
        """What `is_as` compares, fit for JSON."""
        if self.version:
            return [*self._key(), 0, 0, self.version]
        return [*self._key(), *self._size_and_time(), self._hash()]

    def is_as(self, record: list[Any]) -> bool:
        """Whether it is what was recorded: by name, size and time, and if these differ
        by content. Where it is stored does not count."""
        *key, size, time, digest = record
        if key != self._key():
            return False
        if self.version:
            return bool(digest == self.version)
        return self._size_and_time() == [size, time] or self._hash() == digest

    def _size_and_time(self) -> list[int]:
        """A copy over the file may set its time of modification back (cp -p, rsync -t),
        but not the time at which that was done."""
        stat = os.stat(self.path)
        return [stat.st_size, max(stat.st_mtime_ns, stat.st_ctime_ns)]

    def _key(self) -> list[Any]:
        return [self.name, self.reader, self.start, self.stop]

    def _hash(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        with open(self.path, "rb") as stream:
            stream.seek(self.start)
            left = self.n_bytes
            while block := stream.read(min(left, _READ_BYTES)):
                digest.update(block)
                left -= len(block)
        return digest.hexdigest()


def find_files(path: str) -> list[Path]:
    """The files of a path, of a folder and its subfolders, or of a glob, sorted.

    Raises FileNotFoundError if there are none.
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


def would_find(path: str, file: Path) -> bool:
    """Whether `find_files` of `path` would give a file that is not there yet."""
    if Path(path).is_dir():
        folder = Path(path).resolve()
        if not file.resolve().is_relative_to(folder):
            return False
        return not _is_hidden(file.resolve().relative_to(folder))
    folders, name = os.path.split(path)
    if not has_magic(path) or not fnmatch(file.name, name):
        return False
    found = glob(folders or ".", recursive=True)
    parent = file.resolve().parent
    return any(Path(folder).resolve() == parent for folder in found)


def check_apart(path: str, output: Path, names: Iterable[str]) -> None:
    """Raise ValueError if a file of one of `names` in the folder `output` would be text
    of the corpus at `path` the next time."""
    for name in names:
        if would_find(path, output / name):
            raise ValueError(
                f"{output}: expected a folder apart from the corpus, got one in which "
                f"[corpus] path = {path!r} looks for text. Give another folder."
            )


def cut_file(
    file: Path, reader: str, border: re.Pattern[bytes] | None, n_bytes: int
) -> Iterator[Source]:
    """The whole file, or ranges of about `n_bytes` that end with a border between
    documents, if it can be cut."""
    size = file.stat().st_size
    if border is None or file.suffix in COMPRESSED or size <= n_bytes:
        yield Source(reader=reader, path=str(file), n_bytes=size)
        return
    start = 0
    with file.open("rb") as stream:
        while start < size:
            stop = _find_border(stream, start + n_bytes, border) or size
            yield Source(
                reader=reader,
                path=str(file),
                start=start,
                stop=stop,
                n_bytes=stop - start,
            )
            start = stop


def _find_border(
    stream: IO[bytes], position: int, border: re.Pattern[bytes]
) -> int | None:
    """Where the first border behind `position` ends."""
    stream.seek(position)
    tail = b""
    while block := stream.read(_READ_BYTES):
        text = tail + block
        if match := border.search(text):
            return position - len(tail) + match.end()
        position += len(block)
        tail = text[-_OVERLAP:]
    return None


def _open(path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.endswith(".zst"):
        return io.BufferedReader(ZstFile(path))
    return open(path, "rb")


def _read_lines(stream: IO[bytes], path: str, position: int) -> Iterator[bytes]:
    number = 0
    try:
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                behind = f" after byte {position:,}" if position else ""
                raise ValueError(
                    f"{path}: expected lines of at most {MAX_LINE_BYTES:,} bytes, but "
                    f"line {number:,}{behind} is longer. It begins with "
                    f"{raw[:60].decode('utf8', 'replace')!r}. Put line ends between "
                    "sentences or paragraphs, or leave the file out."
                )
            yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path}: expected a whole file that can be unpacked: {error}. Copy it "
            "again, or leave it out."
        ) from error


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
