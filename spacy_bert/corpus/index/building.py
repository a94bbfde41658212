"""A plan -> the index on disk: its shards, built in processes, and then joined.

Shards are folders next to the index until it is whole. What is built does not depend on
how many processes or machines build it, and a build that was interrupted continues with
the shards that are missing.
"""

import re
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from ...folders import recover, remove
from ...outputs import holds_only
from ..held_out import HeldOut
from ..progress_bar import Bar, Write, text_bytes
from .advice import IndexUse, make_warnings, warn_of_few_held_out
from .files import (
    FILES,
    META_FILE,
    SPLITS,
    CorpusIndex,
    CorpusSplit,
    load_index,
    load_split,
    read_index,
    read_meta,
)
from .fingerprint import IndexPlan, describe_change
from .shards import is_built, join_shards, read_statistics, write_splits
from .statistics import CorpusStatistics
from .summary import count_of, describe_index
from .workers import Shards, build_in_processes

_TRAINING = IndexUse()
_COUNTS = ("n_documents", "n_sentences", "n_pieces")

_INDEX_FILES = (META_FILE, *(f"{split}/{name}" for split in SPLITS for name in FILES))
# Folders of shards, and those that a kill left half written.
_SHARD_NAME = re.compile(r"\d{4}|\.\d{4}\..*")


def open_index(
    path: Path,
    plan: IndexPlan,
    *,
    n_process: int = 1,
    write: Write = print,
    use: IndexUse = _TRAINING,
) -> CorpusIndex:
    """The index at `path`, built first if it is missing, damaged or out of date.

    n_process: 0 takes one for each core. use: what it is for, which changes nothing but
        the warnings.
    """
    recover(path)
    if path.exists() and not (path.is_dir() and holds_only(path, _INDEX_FILES)):
        raise _foreign(path)
    _check_shards(_shards_folder(path))
    try:
        meta = read_meta(path)
        reason = describe_change(meta["fingerprint"], plan)
        if reason is None:
            index = read_index(path)
            # Left over if a kill came right after the index was whole.
            remove(_shards_folder(path))
            return index
    except ValueError as error:
        reason = str(error)
    write(f"Indexing the corpus: {reason}")
    build_index(path, plan, n_process=n_process, write=write, use=use)
    return load_index(path, checks_all=False)


def build_index(
    path: Path,
    plan: IndexPlan,
    *,
    n_process: int = 1,
    write: Write = print,
    use: IndexUse = _TRAINING,
) -> None:
    """Write the index; what was at `path` is replaced once the new one is whole.

    See `choose_held_out` for what is held out. Raises ValueError if the corpus holds no
    text, or only one sentence.
    """
    built = replace(plan, held_out=plan.find_held_out())
    build_shards(path, built, n_process=n_process, write=write)
    folders = [folder for folder, _ in _find_shards(path, built)]
    statistics = CorpusStatistics(counts=np.zeros(plan.tokenizer.n_pieces, np.int64))
    sizes = {name: Counter[str]() for name in SPLITS}
    for folder in folders:
        statistics.merge(read_statistics(folder))
        for name, counts in read_meta(folder)["splits"].items():
            sizes[name].update({key: counts[key] for key in _COUNTS})
    try:
        _check_sizes(sizes)
    except ValueError:
        remove(_shards_folder(path))
        raise
    join_shards(path, plan, folders, statistics)
    remove(_shards_folder(path))
    write(describe_index(built, sizes, statistics))
    held_out = sizes["held_out"]
    few = warn_of_few_held_out(held_out["n_documents"], held_out["n_pieces"], built)
    for warning in chain(few, make_warnings(statistics, plan, use)):
        write(f"Warning: {warning}")


def build_shards(
    path: Path,
    plan: IndexPlan,
    *,
    machine: tuple[int, int] = (1, 1),
    n_process: int = 1,
    write: Write = print,
) -> None:
    """Those of the index at `path` that are missing. (2, 3): every third from the
    second on, for the second of three machines."""
    _check_shards(_shards_folder(path))
    number, n_machines = machine
    shards = _find_shards(path, replace(plan, held_out=plan.find_held_out()))
    mine = shards[number - 1 :: n_machines]
    missing = [(folder, shard) for folder, shard in mine if not is_built(folder, shard)]
    if len(missing) < len(mine):
        names = ", ".join(folder.name for folder, _ in missing) or "none"
        write(f"  {count_of(len(mine), 'shard')}, missing: {names}")
    if not missing:
        return
    n_bytes = sum(text_bytes(shard.sources) for _, shard in missing)
    with Bar("Indexing", n_bytes, write=write) as bar:
        build_in_processes(missing, n_process, bar.update)


def index_whole(
    path: Path, plan: IndexPlan, *, write: Write | None = None
) -> CorpusSplit:
    """All documents in one split, with no description, for a text that is read once."""
    whole = replace(plan, held_out=HeldOut(below=1.0))
    with Bar("Reading the text", text_bytes(plan.sources), write=write) as bar:
        meta, _ = write_splits(path, whole, bar.update)
    _check_text(meta["splits"]["held_out"]["n_documents"])
    return load_split(path / "held_out", meta)


def _check_shards(folder: Path) -> None:
    """Raise FileExistsError if something else is there, which would be replaced. Other
    machines may write there at the same time."""
    if not folder.exists():
        return
    if not folder.is_dir() or not all(
        _SHARD_NAME.fullmatch(path.name) for path in folder.iterdir()
    ):
        raise _foreign(folder)


def _foreign(path: Path) -> FileExistsError:
    return FileExistsError(
        f"Expected an index at {path}, or nothing, and found something else. Move it "
        "away, or give another output folder."
    )


def _shards_folder(path: Path) -> Path:
    return path.with_name(path.name + ".shards")


def _find_shards(path: Path, plan: IndexPlan) -> Shards:
    """Where each is or is to be."""
    folder = _shards_folder(path)
    return [(folder / f"{i:04d}", shard) for i, shard in enumerate(plan.shards(), 1)]


def _check_sizes(sizes: dict[str, Counter[str]]) -> None:
    n_train, n_held_out = (sizes[name]["n_documents"] for name in SPLITS)
    _check_text(n_train + n_held_out)
    if not (n_train and n_held_out):
        raise ValueError(
            "Expected a corpus of two different sentences or more, so that some can be "
            f"held out, got {n_train + n_held_out} documents of one sentence each, all "
            "the same. Add text, or set [corpus] sentences = 'sentencizer' if lines "
            "are paragraphs."
        )


def _check_text(n_documents: int) -> None:
    if n_documents == 0:
        raise ValueError(
            "The corpus holds no text: every file is empty, or holds nothing but "
            "spaces and characters that the vocabulary drops."
        )
