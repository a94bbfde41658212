"""Locks that the system releases when their holder ends, however it ends."""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .writing import writing

LOCK_FILE = ".lock"


@contextmanager
def locked(
    folder: Path, *, write: Callable[[str], None] = print, shared: bool = False
) -> Iterator[None]:
    """Keep other processes out of `folder` by a lock on its file `.lock`.

    shared: keep out only those that want the folder for themselves alone.

    If the file system has no locks, warn through `write` and continue. Raises
    BlockingIOError, with the pid and the host of the holder, if another process has the
    folder, and NotADirectoryError if it is a file.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise NotADirectoryError(
            f"Expected a folder to write to, got {folder}, a file or a link to nothing."
        )
    path = folder / LOCK_FILE
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        file, is_free = _open_and_take(path, shared)
    try:
        if is_free is False:
            raise BlockingIOError(
                f"{folder} is in use: {_read_holder(file)} writes to it. Wait until "
                "it ends, stop it, or give another folder."
            )
        if is_free is None:
            write(
                f"Warning: {folder} cannot be locked here, so nothing keeps a second "
                "run out of it."
            )
        with writing(path):
            _write_holder(file)
        try:
            yield
        finally:
            if not shared:
                path.unlink(missing_ok=True)
    finally:
        os.close(file)


def take(file: int, *, shared: bool = False) -> bool | None:
    """Take the lock on an open file until it is closed, and return whether it was free;
    None if the system or the file system has no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _open_and_take(path: Path, shared: bool) -> tuple[int, bool | None]:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        is_free = take(file, shared=shared)
        if not is_free or is_at(file, path):
            return file, is_free
        # Its last holder removed it after it was opened here.
        os.close(file)


def _write_holder(file: int) -> None:
    holder = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    os.ftruncate(file, 0)
    os.write(file, holder.encode("utf8"))


def _read_holder(file: int) -> str:
    try:
        holder = json.loads(os.read(file, 1000))
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        # It has only just begun.
        return "another process"
