"""Memory that is freed and asked for again in each step, on the CPU."""

import ctypes
import sys

# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST = 2**31 - 1


def keep_freed_memory() -> None:
    """Have glibc keep what this process frees, instead of giving it back.

    Without that each large tensor comes in pages that the kernel has to clear first,
    which takes a tenth of a training step (benchmarks/LOG.md). It holds for the whole
    process, so commands ask for it, not libraries. Elsewhere than on Linux with glibc
    nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MOST)
        mallopt(_M_TRIM_THRESHOLD, _MOST)
