"""Ctrl-C and SIGTERM as a question that the loop asks between two steps."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requests(*, ignores_more: bool = False) -> Iterator[Callable[[], bool]]:
    """Inside, the first of these signals only makes the answer True; a second one acts
    as usual, unless `ignores_more`. Outside the main thread, which alone gets signals,
    it stays False."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if not ignores_more:
            restore()

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield lambda: bool(received)
    finally:
        restore()
