"""Errors of writing, with the path and what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

# A full disk, a quota, a limit, a read-only file system: errors of writing do not name
# the file, unlike those of opening.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class WriteError(OSError):
    """`reason`: what the system said."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message, reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[0])


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise WriteError if `path`, or a temporary file next to it, cannot be written
    inside. Other errors pass."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if isinstance(error, WriteError) or not _is_of(path, error):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        before = "What was there is whole" if path.exists() else "There is nothing yet"
        raise WriteError(
            f"{path} could not be written ({reason}). {before}. Make room or change "
            "the folder's permissions, then run it again.",
            reason,
        ) from error


def _is_of(path: Path, error: OSError | SafetensorError) -> bool:
    if isinstance(error, SafetensorError):
        return True
    if error.filename is None:
        return error.errno in _NO_ROOM
    name = str(error.filename)
    is_temporary = name.startswith(str(path.with_name(f".{path.name}.")))
    return is_temporary or name in map(str, (path, *path.parents))
