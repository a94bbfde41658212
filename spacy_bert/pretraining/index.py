"""The corpus as piece ids in memory-mapped files, with sentence and document offsets.

A folder with `meta.json`, `train/` and `held_out/`; each of the two has `pieces.bin`
(uint16, or uint32 where the vocabulary needs it), `sentences.bin` and `documents.bin`
(int64). All numbers are little-endian.
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

META_FILE = "meta.json"
PARTS = ("train", "held_out")

_OFFSET_DTYPE = np.dtype("<i8")


@dataclass(frozen=True, kw_only=True)
class CorpusPart:
    """Documents of sentences of pieces, end to end.

    piece_ids: (n_pieces,).
    sentence_offsets: int64, (n_sentences + 1,), into piece_ids.
    document_offsets: int64, (n_documents + 1,), of sentences. Example: a document of
        two sentences and one of one -> [0, 2, 3].
    word_starts: uint8, (ceil(n_pieces / 8),), a bit a piece, the lowest first: whether
        the piece begins a word. `np.unpackbits(..., bitorder="little")` reads it. None
        where words were not asked for.
    """

    piece_ids: NDArray[np.unsignedinteger]
    sentence_offsets: NDArray[np.int64]
    document_offsets: NDArray[np.int64]
    word_starts: NDArray[np.uint8] | None = None

    @property
    def n_pieces(self) -> int:
        return len(self.piece_ids)

    @property
    def n_sentences(self) -> int:
        return len(self.sentence_offsets) - 1

    @property
    def n_documents(self) -> int:
        return len(self.document_offsets) - 1


@dataclass(frozen=True, kw_only=True)
class CorpusIndex:
    """`unknown_share`: how many of all pieces are [UNK]."""

    train: CorpusPart
    held_out: CorpusPart
    unknown_share: float


def load_index(path: Path) -> CorpusIndex:
    """Raises ValueError where a file is missing or damaged."""
    meta = read_meta(path)
    dtype = np.dtype(meta["piece_dtype"])
    parts = {
        name: load_part(path / name, dtype=dtype, sizes=meta["parts"][name])
        for name in PARTS
    }
    return CorpusIndex(**parts, unknown_share=meta["unknown_share"])


def read_meta(path: Path) -> dict[str, Any]:
    """Raises ValueError where there is no index or its description is not readable."""
    try:
        return json.loads((path / META_FILE).read_text(encoding="utf8"))
    except FileNotFoundError as error:
        raise ValueError(f"there is no index at {path} yet") from error
    except ValueError as error:
        raise ValueError(f"{path / META_FILE} is damaged ({error})") from error


def piece_dtype(n_pieces: int) -> np.dtype:
    return np.dtype("<u2" if n_pieces <= 1 << 16 else "<u4")


class PartWriter:
    """Appends documents to the three files of a part of the index."""

    def __init__(self, path: Path, *, dtype: np.dtype, files: ExitStack) -> None:
        path.mkdir(parents=True, exist_ok=True)
        names = ("pieces.bin", "sentences.bin", "documents.bin")
        self._files = [files.enter_context((path / name).open("wb")) for name in names]
        self._dtype = dtype
        self.n_pieces = self.n_sentences = self.n_documents = 0
        for file in self._files[1:]:
            file.write(np.zeros(1, _OFFSET_DTYPE).tobytes())

    def append(self, documents: list[list[list[int]]]) -> None:
        """Documents of sentences of piece ids, none of them empty."""
        sentences = [sentence for document in documents for sentence in document]
        ids = np.fromiter(chain.from_iterable(sentences), self._dtype)
        sentence_ends = _ends(map(len, sentences), self.n_pieces)
        document_ends = _ends(map(len, documents), self.n_sentences)
        blocks = (ids, sentence_ends, document_ends)
        for file, block in zip(self._files, blocks, strict=True):
            file.write(block.tobytes())
        self.n_pieces += len(ids)
        self.n_sentences += len(sentences)
        self.n_documents += len(documents)

    def sizes(self) -> dict[str, int]:
        return {
            "n_pieces": self.n_pieces,
            "n_sentences": self.n_sentences,
            "n_documents": self.n_documents,
        }


def load_part(path: Path, *, dtype: np.dtype, sizes: dict[str, int]) -> CorpusPart:
    """`sizes` are the writer's. Raises ValueError where the files have others."""
    return CorpusPart(
        piece_ids=_map_file(path / "pieces.bin", dtype, sizes["n_pieces"]),
        sentence_offsets=_map_file(
            path / "sentences.bin", _OFFSET_DTYPE, sizes["n_sentences"] + 1
        ),
        document_offsets=_map_file(
            path / "documents.bin", _OFFSET_DTYPE, sizes["n_documents"] + 1
        ),
    )


def _map_file(file: Path, dtype: np.dtype, size: int) -> NDArray[Any]:
    n_bytes = size * dtype.itemsize
    got = file.stat().st_size if file.is_file() else 0
    if got != n_bytes:
        raise ValueError(f"{file} should have {n_bytes} bytes and has {got}")
    # An empty file cannot be mapped. The plain view is faster to slice.
    mapped = np.memmap(file, dtype=dtype, mode="r") if size else np.empty(0, dtype)
    return mapped.view(np.ndarray)


def _ends(lengths: Iterable[int], start: int) -> NDArray[np.int64]:
    return np.cumsum(np.fromiter(lengths, _OFFSET_DTYPE), dtype=_OFFSET_DTYPE) + start
