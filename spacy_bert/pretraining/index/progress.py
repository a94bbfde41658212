"""How far the build of an index is, how fast, and how long it will take."""

import time
from collections.abc import Callable, Iterable

from tqdm import tqdm

Write = Callable[[str], None]

_LINE = "  {percentage:3.0f}%  {n_fmt}B of {total_fmt}B, {rate_fmt}, {remaining} left"


def show_progress(done: Iterable[int], total: int, write: Write) -> None:
    """`done`: bytes of text, each time some more are indexed.

    A bar on a terminal; elsewhere a line each time another tenth is done.
    """
    start, n_bytes, tenths = time.monotonic(), 0, 0
    with tqdm(total=total, unit="B", unit_scale=True, disable=None) as bar:
        for n in done:
            bar.update(n)
            n_bytes += n
            if bar.disable and 10 * n_bytes // max(total, 1) > tenths:
                tenths = 10 * n_bytes // total
                seconds = time.monotonic() - start
                write(_format(n_bytes, total, seconds))


def _format(n_bytes: int, total: int, seconds: float) -> str:
    return tqdm.format_meter(
        n_bytes, total, seconds, unit="B", unit_scale=True, bar_format=_LINE
    )
