"""A range of the corpus -> a shard, a small index of its own; shards -> the index."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from ...folders import replacing
from ..documents import read_documents
from .files import (
    SPLITS,
    CorpusSplit,
    check_files,
    load_split,
    piece_dtype,
    read_meta,
    write_meta,
)
from .fingerprint import IndexPlan, describe_change, make_fingerprint
from .offsets import offset_dtype
from .statistics import CorpusStatistics
from .tokenized import TokenizedDocument, tokenize
from .writer import SplitWriter, make_split

OnRead = Callable[[int], None]

_STATISTICS_FILE = "statistics.json"
# For a shard, whose size is not known before it is written.
_ANY_OFFSETS = np.dtype("<i8")


def build_shard(path: Path, plan: IndexPlan, on_read: OnRead) -> None:
    """Write the folder, whole or not at all."""
    # Before the text is read: a change meanwhile must not go unnoticed.
    records = [source.record() for source in plan.sources]
    with replacing(path) as new:
        meta, statistics = write_splits(new, plan, on_read)
        meta["fingerprint"] = make_fingerprint(plan, records)
        found = json.dumps(statistics.to_json()).encode("utf8")
        (new / _STATISTICS_FILE).write_bytes(found)
        meta["statistics_checksum"] = crc32(found)
        write_meta(new, meta)


def is_built(path: Path, plan: IndexPlan) -> bool:
    """Whether a shard is there, undamaged, of the same text and settings."""
    try:
        meta = read_meta(path)
        for name in SPLITS:
            load_split(path / name, meta)
        check_files(path, meta)
        found = (path / _STATISTICS_FILE).read_bytes()
        is_whole = crc32(found) == meta.get("statistics_checksum")
        return is_whole and describe_change(meta["fingerprint"], plan) is None
    except (ValueError, OSError):
        return False


def read_statistics(path: Path) -> CorpusStatistics:
    values = json.loads((path / _STATISTICS_FILE).read_text(encoding="utf8"))
    return CorpusStatistics.from_json(values)


def join_shards(
    path: Path, plan: IndexPlan, folders: Sequence[Path], statistics: CorpusStatistics
) -> None:
    """Write the whole index, end to end; what was at `path` is replaced once it is."""
    records = []
    with replacing(path) as new:
        with ExitStack() as files:
            offsets = offset_dtype(int(statistics.counts.sum()))
            writers = _open_parts(new, plan, files, offsets)
            for folder in folders:
                meta = read_meta(folder)
                records += meta["fingerprint"]["sources"]
                for name, writer in writers.items():
                    writer.append(load_split(folder / name, meta))
        meta = _describe(plan, writers, offsets)
        meta["unknown_ratio"] = statistics.unknown_ratio(plan.tokenizer)
        meta["fingerprint"] = make_fingerprint(plan, records)
        write_meta(new, meta)


def write_splits(
    path: Path, plan: IndexPlan, on_read: OnRead
) -> tuple[dict[str, Any], CorpusStatistics]:
    """The documents of the plan's sources, each to the splits that `held_out` says.

    on_read: gets the number of bytes each time that some text was read.

    -> the index's description, without a fingerprint, and what was found
    """
    statistics = CorpusStatistics(counts=np.zeros(plan.tokenizer.n_pieces, np.int64))
    with ExitStack() as files:
        writers = _open_parts(path, plan, files, _ANY_OFFSETS)
        documents = _divided_documents(plan, statistics)
        for block in tokenize(documents, plan.tokenizer, plan.splitter):
            on_read(
                sum(len(line.encode("utf8")) + 1 for d in block for line in d.lines)
            )
            kept = [document for document in block if document.sentences]
            statistics.add(kept)
            for name, writer in writers.items():
                is_held_out = name == "held_out"
                some = [d for d in kept if d.is_held_out == is_held_out]
                writer.append(_make_split(some, plan.finds_words))
    return _describe(plan, writers, _ANY_OFFSETS), statistics


def _divided_documents(
    plan: IndexPlan, statistics: CorpusStatistics
) -> Iterator[tuple[list[str], bool]]:
    """The lines of each document, or of a part of it, and whether they are held out."""
    held_out = plan.find_held_out()
    for source in plan.sources:
        n_documents = 0
        for lines in read_documents([source], plan.settings):
            n_documents += 1
            for some, is_held_out in zip(
                held_out.divide(lines), (False, True), strict=True
            ):
                if some:
                    yield some, is_held_out
        statistics.add_source(source, n_documents)


def _open_parts(
    path: Path, plan: IndexPlan, files: ExitStack, offsets: np.dtype
) -> dict[str, SplitWriter]:
    pieces = piece_dtype(plan.tokenizer.n_pieces)
    return {
        name: SplitWriter(
            path / name,
            piece_dtype=pieces,
            offset_dtype=offsets,
            words=plan.finds_words,
            files=files,
        )
        for name in SPLITS
    }


def _describe(
    plan: IndexPlan, writers: dict[str, SplitWriter], offsets: np.dtype
) -> dict[str, Any]:
    return {
        "piece_dtype": piece_dtype(plan.tokenizer.n_pieces).str,
        "offset_dtype": offsets.str,
        "has_words": plan.finds_words,
        "splits": {name: writer.sizes() for name, writer in writers.items()},
    }


def _make_split(documents: list[TokenizedDocument], finds_words: bool) -> CorpusSplit:
    word_starts = [starts for d in documents for starts in d.word_starts]
    return make_split(
        [document.sentences for document in documents],
        word_starts if finds_words else None,
    )
