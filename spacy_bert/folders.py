"""Files and folders that are replaced whole or not at all."""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex

from .locks import is_at, take
from .writing import writing

# The flags of renameat2(2).
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new folder to write into, which replaces `path` once it is whole.

    An error or a kill inside leaves `path` as it was. Linux swaps the two folders in
    one step; elsewhere there is a moment without `path`, after which see `recover`. If
    two processes replace the same folder, the one that ends last wins.

    Raises WriteError if the folder cannot be written.
    """
    with _new(path, Path.mkdir) as new:
        yield new
        _swap(new, path)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """As `replacing`, for a file: yield the path of a new, empty one."""
    with _new(path, Path.touch) as new:
        yield new
        os.replace(new, path)


def recover(path: Path) -> None:
    """Put back the previous folder if a kill came between two renames, and remove what
    kills left half written."""
    old = _old(path)
    if old.exists() and not path.exists():
        old.rename(path)
    remove(old)
    for new in path.parent.glob(f".{escape(path.name)}.*.new"):
        _remove_abandoned(new)


def remove(path: Path) -> None:
    """Remove a file, or a folder in one step, so that a kill leaves no half of it."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if not path.name.endswith(".new"):
        path = path.rename(_temporary(path))
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _new(path: Path, create: Callable[[Path], None]) -> Iterator[Path]:
    """A temporary neighbour of `path`, whose name is its own, so that two processes
    never write into the same one, and whose lock tells others that it is in use."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        recover(path)
        new, file = _create(path, create)
        try:
            yield new
        finally:
            # After a swap this is the previous one.
            remove(new)
            if file is not None:
                os.close(file)


def _create(path: Path, create: Callable[[Path], None]) -> tuple[Path, int | None]:
    while True:
        new = _temporary(path)
        create(new)
        # Another process may take it for a leftover, and remove it, before it is
        # locked here.
        try:
            file = _open(new)
        except FileNotFoundError:
            continue
        if file is None or (take(file) is not False and is_at(file, new)):
            return new, file
        os.close(file)


def _remove_abandoned(new: Path) -> None:
    try:
        file = _open(new)
    except OSError:
        return
    if file is None:
        return
    try:
        # The lock is held until it is gone: its owner may have created it just now.
        if take(file) is True:
            remove(new)
    finally:
        os.close(file)


def _open(path: Path) -> int | None:
    """None on Windows, which has no such locks and does not open folders."""
    if sys.platform == "win32":
        return None
    return os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)


def _swap(new: Path, path: Path) -> None:
    try:
        # Works if there is nothing, or an empty folder.
        new.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchange(new, path):
            path.rename(_old(path))
            new.rename(path)
            remove(_old(path))


def _exchange(one: Path, other: Path) -> bool:
    """Whether the two could be swapped in one step, as on Linux."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    result = renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
    return bool(result == 0)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{token_hex(4)}.new")


def _old(path: Path) -> Path:
    """Not a name that someone would give to a copy."""
    return path.with_name(f".{path.name}.replaced")
