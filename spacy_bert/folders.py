"""Folders that are replaced whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `path` only once whole.

    A fault or a kill inside leaves `path` as it was. See also `recover`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)
    new, old = path.with_name(path.name + ".new"), _old(path)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        yield new
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def recover(path: Path) -> None:
    """Put back the previous folder, where a kill came between the two renames."""
    old = _old(path)
    if old.exists() and not path.exists():
        old.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _old(path: Path) -> Path:
    """Not a name that someone would give to a copy."""
    return path.with_name(f".{path.name}.replaced")
