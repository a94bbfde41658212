"""Rounds, processes and clocks."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from statistics import median
from threading import Thread
from time import perf_counter, sleep
from typing import Any, TypeVar

Given = TypeVar("Given")


def interleaved(
    runs: Mapping[str, Callable[[], object]], *, n_rounds: int
) -> dict[str, float]:
    """Seconds of each, the median of rounds in which all take their turn, after one
    that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for n in range(n_rounds + 1):
        for name, run in runs.items():
            start = perf_counter()
            run()
            if n:
                seconds[name].append(perf_counter() - start)
    return {name: median(taken) for name, taken in seconds.items()}


def rates(
    what: str,
    amount: float,
    runs: Mapping[str, Callable[[], object]],
    *,
    n_rounds: int,
) -> dict[str, dict[str, float]]:
    """System -> {what: amount a second}, from `interleaved`."""
    seconds = interleaved(runs, n_rounds=n_rounds)
    return {name: {what: amount / taken} for name, taken in seconds.items()}


def run_alone(function: Callable[..., Given], /, **arguments: Any) -> Given:
    """Call it in a process of its own, which finds nothing that others left, and ends
    when this one does."""
    with ProcessPoolExecutor(
        1,
        mp_context=get_context("spawn"),
        initializer=_watch,
        initargs=(os.getpid(),),
    ) as pool:
        return pool.submit(function, **arguments).result()


def _watch(parent: int) -> None:
    def wait() -> None:
        while os.getppid() == parent:
            sleep(1)
        # Not sys.exit, which ends this thread alone.
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def run_side_by_side(runs: Iterable[Callable[[], Any]], n_jobs: int) -> None:
    """Give each run a core, so that none waits for the threads of another."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with ThreadPoolExecutor(n_jobs) as pool:
        done = [pool.submit(run) for run in runs]
    for one in done:
        one.result()


class Stopwatch:
    """Minutes by the clock, and minutes of all cores together, of this process and of
    those that it waited for."""

    def __init__(self) -> None:
        self._clock, self._cores = perf_counter(), _core_seconds()

    def minutes(self) -> dict[str, float]:
        return {
            "minutes": (perf_counter() - self._clock) / 60,
            "core minutes": (_core_seconds() - self._cores) / 60,
        }


def _core_seconds() -> float:
    return sum(os.times()[:4])
