"""Documents -> the index on disk, in memory that does not grow with the corpus."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from ..folders import recover, replacing
from ..tokenization import WordPiece
from .corpus import Document, Splitter, held_out_draw, read_documents, split_sentences
from .fingerprint import describe_change
from .index import (
    META_FILE,
    PARTS,
    CorpusIndex,
    CorpusPart,
    PartWriter,
    load_index,
    load_part,
    piece_dtype,
    read_meta,
)

# Bytes of text that are tokenized and written at a time.
_BLOCK_BYTES = 1 << 20
MIN_DOCUMENTS = 4

Write = Callable[[str], None]


def open_index(
    path: Path,
    files: list[Path],
    fingerprint: dict[str, Any],
    *,
    wordpiece: WordPiece,
    splitter: Splitter | None,
    write: Write = print,
) -> CorpusIndex:
    """The index at `path`, built first where it is missing, damaged or out of date."""
    recover(path)
    try:
        reason = describe_change(read_meta(path)["fingerprint"], fingerprint)
        if reason is None:
            return load_index(path)
    except (ValueError, KeyError) as error:
        reason = str(error)
    write(f"Indexing the corpus: {reason}")
    build_index(
        path, files, fingerprint, wordpiece=wordpiece, splitter=splitter, write=write
    )
    return load_index(path)


def build_index(
    path: Path,
    files: list[Path],
    fingerprint: dict[str, Any],
    *,
    wordpiece: WordPiece,
    splitter: Splitter | None,
    write: Write = print,
) -> None:
    """Write the index; what was at `path` is replaced once the new one is whole.

    Held out are the documents whose draw lies below the fingerprint's held_out_prob,
    and always the two with the lowest draws, as a random next sentence comes from a
    second document. Raises ValueError where the corpus is too small for that.
    """
    threshold = fingerprint["held_out_prob"]
    n_bytes = sum(file.stat().st_size for file in files)
    with replacing(path) as new:
        while True:
            blocks = _tokenize(read_documents(files), wordpiece, splitter)
            shown = _show_progress(blocks, n_bytes, write)
            meta, lowest = _write_parts(new, shown, wordpiece, threshold)
            sizes = meta["parts"]
            _check_sizes({name: part["n_documents"] for name, part in sizes.items()})
            if sizes["held_out"]["n_documents"] >= 2:
                break
            threshold = np.nextafter(lowest[1], 1.0)
        meta["fingerprint"] = fingerprint
        text = json.dumps(meta, indent=1) + "\n"
        (new / META_FILE).write_text(text, encoding="utf8")


def index_whole(
    path: Path, files: list[Path], *, wordpiece: WordPiece, splitter: Splitter | None
) -> CorpusPart:
    """All documents in one part, with no description, for a text that is read once."""
    dtype = piece_dtype(wordpiece.n_pieces)
    with ExitStack() as open_files:
        writer = PartWriter(path, dtype=dtype, files=open_files)
        for block, _ in _tokenize(read_documents(files), wordpiece, splitter):
            writer.append([ids for _, ids in block])
    if writer.n_documents < 2:
        raise ValueError(
            f"Expected a text of at least 2 documents, got {writer.n_documents}. "
            "Next-sentence prediction takes a random sentence from another document. "
            "Put a blank line between documents."
        )
    return load_part(path, dtype=dtype, sizes=writer.sizes())


# A block of text: each document's draw and its sentences, and the bytes it took.
_Block = tuple[list[tuple[float, list[list[int]]]], int]


def _tokenize(
    documents: Iterable[Document], wordpiece: WordPiece, splitter: Splitter | None
) -> Iterator[_Block]:
    """Empty sentences, and documents of nothing else, are dropped."""
    for block in _blocks(documents):
        texts = [split_sentences(document, splitter) for document in block]
        encoded = iter(wordpiece.encode_ids(list(chain.from_iterable(texts))))
        tokenized = []
        for document, sentences in zip(block, texts, strict=True):
            ids = [ids for ids in islice(encoded, len(sentences)) if ids]
            if ids:
                tokenized.append((held_out_draw(document), ids))
        yield tokenized, sum(document.n_bytes for document in block)


def _blocks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    block: list[Document] = []
    n_bytes = 0
    for document in documents:
        block.append(document)
        n_bytes += document.n_bytes
        if n_bytes >= _BLOCK_BYTES:
            yield block
            block, n_bytes = [], 0
    if block:
        yield block


def _write_parts(
    path: Path, blocks: Iterable[_Block], wordpiece: WordPiece, threshold: float
) -> tuple[dict[str, Any], list[float]]:
    """The index's description, and the two lowest draws."""
    dtype = piece_dtype(wordpiece.n_pieces)
    lowest: list[float] = []
    n_unknown = 0
    with ExitStack() as open_files:
        writers = [PartWriter(path / p, dtype=dtype, files=open_files) for p in PARTS]
        for block, _ in blocks:
            train, held_out = writers
            train.append([ids for draw, ids in block if draw >= threshold])
            held_out.append([ids for draw, ids in block if draw < threshold])
            lowest = sorted(lowest + [draw for draw, _ in block])[:2]
            sentences = chain.from_iterable(ids for _, ids in block)
            n_unknown += sum(ids.count(wordpiece.unk_id) for ids in sentences)
    n_pieces = sum(writer.n_pieces for writer in writers)
    meta = {
        "piece_dtype": dtype.str,
        "unknown_share": n_unknown / max(n_pieces, 1),
        "parts": {n: w.sizes() for n, w in zip(PARTS, writers, strict=True)},
    }
    return meta, lowest


def _show_progress(
    blocks: Iterable[_Block], n_bytes: int, write: Write
) -> Iterator[_Block]:
    """The same blocks; a line of text each time another tenth is done."""
    n_documents = done = tenths = 0
    for block, n_block_bytes in blocks:
        yield block, n_block_bytes
        n_documents += len(block)
        done += n_block_bytes
        if 10 * done // n_bytes > tenths:
            tenths = 10 * done // n_bytes
            write(f"  {done / n_bytes:4.0%}  {n_documents:,} documents")


def _check_sizes(n_documents: dict[str, int]) -> None:
    n = sum(n_documents.values())
    if n == 0:
        raise ValueError(
            "The corpus holds no text: every file is empty, or holds nothing but "
            "spaces and characters that the vocabulary drops."
        )
    if n < MIN_DOCUMENTS:
        raise ValueError(
            f"Expected a corpus of at least {MIN_DOCUMENTS} documents, got {n}. "
            "Next-sentence prediction takes a random sentence from another document, "
            "and two documents are held out. Put a blank line between documents."
        )
    if n_documents["train"] < 2:
        raise ValueError(
            f"All but {n_documents['train']} of the {n} documents are held out, so "
            "there are not two to train on. Are they copies of each other?"
        )
