"""Parts of the index -> files, in blocks, so that memory does not grow with them."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from .files import DOCUMENTS_FILE, PIECES_FILE, SENTENCES_FILE, WORDS_FILE, CorpusSplit
from .offsets import Offsets

# A multiple of 8, so that bits of a block are whole bytes.
_BLOCK = 1 << 20

Number = TypeVar("Number", bound=np.generic)


class SplitWriter:
    """Appends to the files of a split, which are complete once `files` are closed."""

    def __init__(
        self,
        path: Path,
        *,
        piece_dtype: np.dtype,
        offset_dtype: np.dtype,
        words: bool,
        files: ExitStack,
    ) -> None:
        path.mkdir(parents=True, exist_ok=True)

        def create(name: str) -> "_SummedFile":
            file = files.enter_context((path / name).open("wb"))
            self._files[name] = _SummedFile(file)
            return self._files[name]

        self._files: dict[str, _SummedFile] = {}
        self._piece_dtype, self._offset_dtype = piece_dtype, offset_dtype
        self._pieces = create(PIECES_FILE)
        self._sentences, self._documents = (
            create(SENTENCES_FILE),
            create(DOCUMENTS_FILE),
        )
        for file in (self._sentences, self._documents):
            file.write(np.zeros(1, offset_dtype).tobytes())
        self._words = _BitWriter(create(WORDS_FILE)) if words else None
        if self._words:
            files.callback(self._words.flush)
        self.n_pieces = self.n_sentences = self.n_documents = 0

    def append(self, split: CorpusSplit) -> None:
        for ids in _blocks(split.piece_ids):
            self._pieces.write(ids.astype(self._piece_dtype, copy=False).tobytes())
        self._append_ends(self._sentences, split.sentence_offsets, self.n_pieces)
        self._append_ends(self._documents, split.document_offsets, self.n_sentences)
        if self._words and split.word_starts is not None:
            for bits in _unpacked(split.word_starts, split.n_pieces):
                self._words.write(bits)
        self.n_pieces += split.n_pieces
        self.n_sentences += split.n_sentences
        self.n_documents += split.n_documents

    def _append_ends(
        self, file: "_SummedFile", offsets: Offsets, n_before: int
    ) -> None:
        for start in range(1, len(offsets), _BLOCK):
            ends = offsets[start : start + _BLOCK] + n_before
            file.write(ends.astype(self._offset_dtype, copy=False).tobytes())

    def sizes(self) -> dict[str, Any]:
        """And checksums, once `files` are closed."""
        checksums = {name: file.checksum for name, file in self._files.items()}
        return {
            "checksums": checksums,
            "n_pieces": self.n_pieces,
            "n_sentences": self.n_sentences,
            "n_documents": self.n_documents,
        }


def make_split(
    documents: Iterable[list[list[int]]],
    word_starts: Iterable[NDArray[np.bool_]] | None = None,
) -> CorpusSplit:
    """Documents of sentences of piece ids, none of them empty, in memory.

    word_starts: whether each piece begins a word, one array a sentence.
    """
    documents = list(documents)
    sentences = [sentence for document in documents for sentence in document]
    bits = None
    if word_starts is not None:
        bits = np.packbits(
            np.concatenate([np.empty(0, np.bool_), *word_starts]), bitorder="little"
        )
    return CorpusSplit(
        piece_ids=np.fromiter(chain.from_iterable(sentences), np.uint32),
        sentence_offsets=_offsets(map(len, sentences)),
        document_offsets=_offsets(map(len, documents)),
        word_starts=bits,
    )


class _SummedFile:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksum = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.checksum = crc32(data, self.checksum)


class _BitWriter:
    """Appends bits, the lowest of each byte first."""

    def __init__(self, file: _SummedFile) -> None:
        self._file = file
        self._rest = np.empty(0, np.uint8)

    def write(self, bits: NDArray[np.uint8]) -> None:
        bits = np.concatenate((self._rest, bits))
        n_whole = len(bits) // 8 * 8
        self._file.write(np.packbits(bits[:n_whole], bitorder="little").tobytes())
        self._rest = bits[n_whole:]

    def flush(self) -> None:
        self._file.write(np.packbits(self._rest, bitorder="little").tobytes())


def _blocks(array: NDArray[Number]) -> Iterator[NDArray[Number]]:
    for start in range(0, len(array), _BLOCK):
        yield array[start : start + _BLOCK]


def _unpacked(
    word_starts: NDArray[np.uint8], n_pieces: int
) -> Iterator[NDArray[np.uint8]]:
    for block in _blocks(word_starts):
        bits = np.unpackbits(block, bitorder="little")[:n_pieces]
        yield bits
        n_pieces -= len(bits)


def _offsets(lengths: Iterable[int]) -> Offsets:
    return Offsets(np.cumsum([0, *lengths], dtype=np.int64))
