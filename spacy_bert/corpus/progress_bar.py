"""What is shown of work that takes long: how far it is, and how long it will take."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from threading import Event, Thread
from typing import Any

from tqdm import tqdm

from .sources import COMPRESSED, Source

Write = Callable[[str], None]

# If there is no terminal, and during work that does not say how far it is.
SECONDS_BETWEEN_LINES = 10.0

_LINE = (
    "  {desc}: {percentage:3.0f}%  {n_fmt}{unit} of {total_fmt}{unit}, {rate_fmt}, "
    "{remaining} left"
)

# Bytes of text for each compressed byte, roughly.
_UNPACKED = 3


class Bar:
    """A bar on a terminal; elsewhere a line every ten seconds, and one at the end.

    write: takes the lines; None shows nothing, and no bar.
    leaves_trace: whether the bar stays when it is full, and its last line is written.
    """

    def __init__(
        self,
        what: str,
        total: int,
        *,
        unit: str = "B",
        write: Write | None,
        leaves_trace: bool = True,
    ) -> None:
        self._leaves_trace = leaves_trace
        self._total, self._n, self._write = max(total, 1), 0, write
        # Scaled numbers have decimals: "2.00 Docs".
        is_scaled = self._total >= 1000
        self._format = {"unit": unit, "unit_scale": is_scaled, "prefix": what}
        self._start = self._last_line = time.monotonic()
        self._tqdm: tqdm[Any] = tqdm(
            total=self._total,
            desc=what,
            unit=unit,
            unit_scale=is_scaled,
            leave=leaves_trace,
            disable=True if write is None else None,
        )

    def update(self, n: int) -> None:
        """So much more is done. More than the total, an estimate, is not shown."""
        n = min(n, self._total - self._n)
        self._n += n
        self._tqdm.update(n)
        if time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._write_line()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None:
            self._tqdm.update(self._total - self._n)
            self._n = self._total
            if self._leaves_trace:
                self._write_line()
        self._tqdm.close()

    def _write_line(self) -> None:
        self._last_line = now = time.monotonic()
        if self._write is None or not self._tqdm.disable:
            return
        seconds = now - self._start
        line = tqdm.format_meter(
            self._n, self._total, seconds, bar_format=_LINE, **self._format
        )
        self._write(line)


@contextmanager
def still_working(what: str, write: Write | None) -> Iterator[None]:
    """A line every ten seconds, during a call that does not say how far it is."""
    is_done = Event()
    start = time.monotonic()

    def tell() -> None:
        while not is_done.wait(SECONDS_BETWEEN_LINES):
            if write:
                write(f"  {what}: {time.monotonic() - start:.0f} seconds")

    thread = Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


@contextmanager
def shown_lines(
    lines: Iterable[str],
    n_bytes: int,
    then: str,
    write: Write | None,
    *,
    n_times: int = 1,
) -> Iterator[Iterable[str]]:
    """The same lines, with a bar whenever they are read from start to end.

    then: what is done between and after that. n_times: how often they are read.
    """
    times = count(1)
    with ExitStack() as waiting:

        class Shown:
            def __iter__(self) -> Iterator[str]:
                waiting.close()
                what = "Reading the text"
                if n_times > 1:
                    what += f", {next(times)} of {n_times}"
                with Bar(what, n_bytes, write=write) as bar:
                    for line in lines:
                        yield line
                        bar.update(len(line.encode("utf8")) + 1)
                waiting.enter_context(still_working(then, write))

        yield Shown()


def text_bytes(sources: Iterable[Source]) -> int:
    """Return roughly how many bytes of text are in these files."""
    return sum(
        source.n_bytes * (_UNPACKED if source.path.endswith(COMPRESSED) else 1)
        for source in sources
    )
