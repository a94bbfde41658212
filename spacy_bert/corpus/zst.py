"""A .zst file -> its bytes, or an error if its end is missing.

The package's own reader takes the end of the file for the end of the text.
"""

import io
from typing import Any

from .extras import import_extra

# Little, as 4 bytes may unpack to 128 kB, so these to 32 MB.
_READ_BYTES = 1 << 10


class ZstFile(io.RawIOBase):
    """Reading raises EOFError if the file is damaged or cut off."""

    def __init__(self, path: str) -> None:
        self._zstandard = import_extra("zstandard", extra="zstd")
        self._file = open(path, "rb")
        self._frame: Any = None
        self._packed = b""
        # A view, as bytes would be copied with each slice that is read of them.
        self._text = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._text:
            if not self._packed:
                self._packed = self._file.read(_READ_BYTES)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("it ends in the middle")
                return 0
            self._unpack()
        n = min(len(buffer), len(self._text))
        buffer[:n], self._text = self._text[:n], self._text[n:]
        return n

    def close(self) -> None:
        self._file.close()
        super().close()

    def _unpack(self) -> None:
        """A file may have several frames, one after the other."""
        if self._frame is None:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        try:
            self._text = memoryview(self._frame.decompress(self._packed))
        except self._zstandard.ZstdError as error:
            raise EOFError(str(error)) from error
        self._packed = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
