"""A plan -> the index on disk: its shards, built in processes, and then joined.

Shards are folders beside the index until it is whole. What is built does not depend on
how many processes or machines build it, and a build that was interrupted goes on with
the shards that are missing.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...folders import recover, remove
from ...outputs import holds_only
from .files import (
    FILES,
    META_FILE,
    PARTS,
    CorpusIndex,
    CorpusPart,
    load_index,
    load_part,
    read_index,
    read_meta,
)
from .findings import Findings
from .fingerprint import IndexPlan, describe_change
from .progress import Write, show_progress
from .shards import is_built, join_shards, read_findings, write_parts
from .workers import Shards, build_in_processes

MIN_DOCUMENTS = 4

_INDEX_FILES = (META_FILE, *(f"{part}/{name}" for part in PARTS for name in FILES))
# Of shards, and of those that a kill left half written.
_SHARD_NAME = re.compile(r"\d{4}|\.\d{4}\..*")


def open_index(
    path: Path, plan: IndexPlan, *, n_process: int = 1, write: Write = print
) -> CorpusIndex:
    """The index at `path`, built first where it is missing, damaged or out of date.

    n_process: 0 takes one for each core.
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
            # Left over where a kill came right after the index was whole.
            remove(_shards_folder(path))
            return index
    except ValueError as error:
        reason = str(error)
    write(f"Indexing the corpus: {reason}")
    build_index(path, plan, n_process=n_process, write=write)
    return load_index(path, checks_all=False)


def build_index(
    path: Path, plan: IndexPlan, *, n_process: int = 1, write: Write = print
) -> None:
    """Write the index; what was at `path` is replaced once the new one is whole.

    Held out are the documents whose draw lies below the plan's held_out_prob, and
    always the two with the lowest draws, as a random next sentence comes from a second
    document. Raises ValueError where the corpus is too small for that.
    """
    findings = _build_all(path, plan, n_process, write)
    built = plan
    if sum(draw < plan.held_out_prob for draw in findings.lowest) < 2:
        threshold = float(np.nextafter(findings.lowest[1], 1.0))
        built = replace(plan, held_out_prob=threshold)
        _build_all(path, built, n_process, write)
    folders = [folder for folder, _ in _find_shards(path, built)]
    join_shards(path, plan, folders, findings)
    remove(_shards_folder(path))
    for warning in findings.warnings(plan.wordpiece):
        write(f"Warning: {warning}")


def build_shards(
    path: Path,
    plan: IndexPlan,
    *,
    part: tuple[int, int] = (1, 1),
    n_process: int = 1,
    write: Write = print,
) -> None:
    """Those of the index at `path` that are missing. (2, 3): every third from the
    second on, for the second of three machines."""
    _check_shards(_shards_folder(path))
    number, n_parts = part
    shards = _find_shards(path, plan)
    mine = shards[number - 1 :: n_parts]
    missing = [(folder, shard) for folder, shard in mine if not is_built(folder, shard)]
    if len(missing) < len(mine):
        names = ", ".join(folder.name for folder, _ in missing) or "none"
        write(f"  {len(mine)} shards, of which are missing: {names}")
    n_bytes = sum(shard.n_bytes for _, shard in missing)
    done = (shard.n_bytes for shard in build_in_processes(missing, n_process))
    show_progress(done, n_bytes, write)


def index_whole(path: Path, plan: IndexPlan) -> CorpusPart:
    """All documents in one part, with no description, for a text that is read once."""
    meta, _ = write_parts(path, replace(plan, held_out_prob=1.0))
    part = load_part(path / "held_out", meta)
    if part.n_documents < 2:
        raise ValueError(
            f"Expected a text of at least 2 documents, got {part.n_documents}. "
            "Next-sentence prediction takes a random sentence from another document. "
            "Put a blank line between documents."
        )
    return part


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


def _build_all(path: Path, plan: IndexPlan, n_process: int, write: Write) -> Findings:
    """-> what was found in all of the text"""
    build_shards(path, plan, n_process=n_process, write=write)
    findings = Findings(counts=np.zeros(plan.wordpiece.n_pieces, np.int64))
    n_documents = {"train": 0, "held_out": 0}
    for folder, _ in _find_shards(path, plan):
        findings.merge(read_findings(folder))
        for name, sizes in read_meta(folder)["parts"].items():
            n_documents[name] += sizes["n_documents"]
    try:
        _check_sizes(n_documents)
    except ValueError:
        remove(_shards_folder(path))
        raise
    return findings


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
