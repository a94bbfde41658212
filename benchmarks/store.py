"""Results that are measured once and kept, and measurements in new processes."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, TypeVar

from .encoder.timing import describe_machine

Result = dict[str, Any]
Given = TypeVar("Given")


class Store:
    """A JSON file: part -> row -> system -> a result, with the settings it is of.

    Threads may share it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        text = path.read_text(encoding="utf8") if path.exists() else "{}"
        self.parts: dict[str, dict[str, dict[str, Result]]] = json.loads(text)

    def find(self, part: str, row: str, system: str) -> Result | None:
        return self.parts.get(part, {}).get(row, {}).get(system)

    def once(
        self,
        part: str,
        row: str,
        system: str,
        settings: Mapping[str, Any],
        measure: Callable[[], Result],
    ) -> Result:
        """What is there already under these settings, and else what `measure` gives."""
        found = self.find(part, row, system)
        if found is None or found["settings"] != settings:
            print(f"{part}: {row}, {system}", flush=True)
            found = {
                **measure(),
                "settings": dict(settings),
                "machine": describe_machine(),
            }
            with self._lock:
                self.parts.setdefault(part, {}).setdefault(row, {})[system] = found
                text = json.dumps(self.parts, indent=2) + "\n"
                self._path.write_text(text, encoding="utf8")
        return found

    def machines(self) -> list[str]:
        """Each machine that a result is from, once."""
        results = (
            r
            for rows in self.parts.values()
            for row in rows.values()
            for r in row.values()
        )
        return list({"\n".join(result["machine"]): None for result in results})


def run_alone(function: Callable[..., Given], /, **arguments: Any) -> Given:
    """In a process of its own, which finds nothing that others left."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, **arguments).result()


def run_side_by_side(runs: Iterable[Callable[[], Any]], n_jobs: int) -> None:
    """Each on a core of its own, so that they do not wait for one another's threads."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with ThreadPoolExecutor(n_jobs) as pool:
        done = [pool.submit(run) for run in runs]
    for one in done:
        one.result()


class Stopwatch:
    """Minutes by the clock, and of all cores together, of this process and of those
    that it waited for."""

    def __init__(self) -> None:
        self._clock, self._cores = perf_counter(), _core_seconds()

    def minutes(self) -> Result:
        return {
            "minutes": (perf_counter() - self._clock) / 60,
            "core minutes": (_core_seconds() - self._cores) / 60,
        }


def _core_seconds() -> float:
    return sum(os.times()[:4])
