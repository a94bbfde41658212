"""The corpus as piece ids in memory-mapped files, with sentence and document offsets.

A folder with `meta.json`, `train/` and `held_out/`; each of the two has `pieces.bin`
(uint16, or uint32 if the vocabulary needs it), `sentences.bin` and `documents.bin`
(uint32, or int64 if there are 2 ** 32 pieces), and `words.bin` (bits) if words
were asked for. All numbers are little-endian. `meta.json` has a checksum of each file.
That is 0.47 of the bytes of English text with 30,522 pieces.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ...checked import Count, Fraction, Record, read_checked
from .offsets import Offsets

META_FILE = "meta.json"
SPLITS = ("train", "held_out")

PIECES_FILE, WORDS_FILE = "pieces.bin", "words.bin"
SENTENCES_FILE, DOCUMENTS_FILE = "sentences.bin", "documents.bin"
FILES = (PIECES_FILE, WORDS_FILE, SENTENCES_FILE, DOCUMENTS_FILE)

_READ_BYTES = 1 << 24


@dataclass(frozen=True, kw_only=True)
class CorpusSplit:
    """Documents of sentences of pieces, end to end.

    piece_ids: (n_pieces,).
    sentence_offsets: (n_sentences + 1,), into piece_ids.
    document_offsets: (n_documents + 1,), of sentences. Example: a document of two
        sentences and one of one -> [0, 2, 3].
    word_starts: uint8, (ceil(n_pieces / 8),), a bit a piece, the lowest first: whether
        the piece begins a word. `np.unpackbits(..., bitorder="little")` reads it. None
        if words were not asked for.
    """

    piece_ids: NDArray[np.unsignedinteger]
    sentence_offsets: Offsets
    document_offsets: Offsets
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
    """`unknown_ratio`: how many of all pieces are [UNK]. `fingerprint`: what the index
    was made of."""

    train: CorpusSplit
    held_out: CorpusSplit
    unknown_ratio: float
    fingerprint: dict[str, Any]


class SplitMeta(Record):
    """checksums: of its files, CRC-32."""

    n_pieces: Count
    n_sentences: Count
    n_documents: Count
    checksums: dict[str, Count]


class SplitMetas(Record):
    train: SplitMeta
    held_out: SplitMeta


class IndexMeta(Record):
    """What `meta.json` holds. A shard of an index has no `unknown_ratio`."""

    piece_dtype: Literal["<u2", "<u4"]
    offset_dtype: Literal["<u4", "<i8"]
    has_words: bool
    splits: SplitMetas
    fingerprint: dict[str, Any]
    unknown_ratio: Fraction | None = None


def load_index(path: Path, *, checks_all: bool = True) -> CorpusIndex:
    """checks_all: compare all files with their checksums, which reads them.

    Raises ValueError, with advice, if a file is missing or damaged.
    """
    try:
        return read_index(path, checks_all=checks_all)
    except ValueError as error:
        raise ValueError(
            f"The index cannot be read: {error}. Run 'spacy bert index', which builds "
            "it again."
        ) from error


def read_index(path: Path, *, checks_all: bool = True) -> CorpusIndex:
    """As `load_index`; the error says only what is wrong."""
    meta = read_meta(path)
    if "unknown_ratio" not in meta:
        raise ValueError(f"{path / META_FILE} is damaged (unknown_ratio is missing)")
    index = CorpusIndex(
        train=load_split(path / "train", meta),
        held_out=load_split(path / "held_out", meta),
        unknown_ratio=meta["unknown_ratio"],
        fingerprint=meta["fingerprint"],
    )
    if checks_all:
        check_files(path, meta)
    return index


def read_meta(path: Path) -> dict[str, Any]:
    """Raises ValueError if there is no index or its description is not readable."""
    try:
        meta = read_checked(path / META_FILE, IndexMeta)
    except FileNotFoundError as error:
        raise ValueError(f"there is no index at {path} yet") from error
    return meta.to_dict()


def write_meta(path: Path, meta: dict[str, Any]) -> None:
    text = json.dumps(meta, indent=1) + "\n"
    (path / META_FILE).write_text(text, encoding="utf8")


def piece_dtype(n_pieces: int) -> np.dtype:
    return np.dtype("<u2" if n_pieces <= 1 << 16 else "<u4")


def load_split(path: Path, meta: dict[str, Any]) -> CorpusSplit:
    """`meta` is that of its index. Raises ValueError if the files have another size,
    or offsets do not end where they should."""
    sizes, dtype = meta["splits"][path.name], np.dtype(meta["piece_dtype"])
    n_pieces, n_sentences = sizes["n_pieces"], sizes["n_sentences"]
    offset_dtype = np.dtype(meta["offset_dtype"])
    words = None
    if meta["has_words"]:
        n_bytes = -(-n_pieces // 8)
        words = _map_file(path / WORDS_FILE, np.dtype(np.uint8), n_bytes)
    return CorpusSplit(
        piece_ids=_map_file(path / PIECES_FILE, dtype, n_pieces),
        sentence_offsets=_map_offsets(
            path / SENTENCES_FILE, offset_dtype, n_sentences, n_pieces
        ),
        document_offsets=_map_offsets(
            path / DOCUMENTS_FILE, offset_dtype, sizes["n_documents"], n_sentences
        ),
        word_starts=words,
    )


def check_files(path: Path, meta: dict[str, Any]) -> None:
    """Raises ValueError if a file is not as it was written."""
    for split in SPLITS:
        checksums = meta["splits"][split]["checksums"]
        for name in FILES:
            if name != WORDS_FILE or meta["has_words"]:
                _check_sum(path / split / name, checksums.get(name))


def _check_sum(file: Path, expected: int | None) -> None:
    checksum = 0
    if file.is_file():
        with file.open("rb") as stream:
            while block := stream.read(_READ_BYTES):
                checksum = crc32(block, checksum)
    if checksum != expected:
        raise ValueError(
            f"{file} is damaged: its checksum should be {expected} and is {checksum}"
        )


def _map_offsets(file: Path, dtype: np.dtype, size: int, end: int) -> Offsets:
    offsets = _map_file(file, dtype, size + 1)
    if (offsets[0], offsets[-1]) != (0, end):
        raise ValueError(
            f"{file} is damaged: it should begin with 0 and end with {end}, and has "
            f"{offsets[0]} and {offsets[-1]}"
        )
    return Offsets(offsets)


def _map_file(file: Path, dtype: np.dtype, size: int) -> NDArray[Any]:
    n_bytes = size * dtype.itemsize
    got = file.stat().st_size if file.is_file() else 0
    if got != n_bytes:
        raise ValueError(f"{file} should have {n_bytes} bytes and has {got}")
    # An empty file cannot be mapped. The plain view is faster to slice.
    mapped = np.memmap(file, dtype=dtype, mode="r") if size else np.empty(0, dtype)
    return mapped.view(np.ndarray)
