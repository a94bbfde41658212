"""Results that are measured once and kept in a JSON file."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from spacy_bert.folders import replacing_file

from .machine import describe_machine

Settings = Mapping[str, Any]
Result = dict[str, Any]
# By the name of the system.
Row = dict[str, Result]
Parts = dict[str, dict[str, Row]]


class Store:
    """A JSON file: part -> row -> system -> a result, its settings and its machine.

    Threads may share it. A result with a `source` was copied from a text: the next
    measurement replaces it.
    """

    def __init__(self, path: Path, *, again: bool = False) -> None:
        """again: measure what is there already, too."""
        self._path, self._lock, self._again = path, Lock(), again
        self.parts = read_parts(path)

    def once(
        self,
        part: str,
        row: str,
        system: str,
        settings: Settings,
        measure: Callable[[], Result],
    ) -> Result:
        """Return the result under these settings. Measure it if there is none."""
        found = self.parts.get(part, {}).get(row, {}).get(system)
        if found is None or self._is_old(found, settings):
            print(f"{part}: {row}, {system}", flush=True)
            found = _described(measure(), settings)
            self._keep(part, row, {system: found})
        return found

    def row_once(
        self,
        part: str,
        row: str,
        settings: Settings,
        measure: Callable[[], Row],
    ) -> Row:
        """The same for systems that are measured in turns: all of them, or none."""
        found = self.parts.get(part, {}).get(row, {})
        if not found or any(self._is_old(one, settings) for one in found.values()):
            print(f"{part}: {row}", flush=True)
            found = {k: _described(v, settings) for k, v in measure().items()}
            self._keep(part, row, found, whole=True)
        return found

    def _is_old(self, found: Result, settings: Settings) -> bool:
        return self._again or "source" in found or found["settings"] != settings

    def _keep(self, part: str, row: str, new: Row, *, whole: bool = False) -> None:
        with self._lock:
            # Another command may have written to the file since it was read.
            self.parts = read_parts(self._path)
            rows = self.parts.setdefault(part, {})
            rows[row] = new if whole else {**rows.get(row, {}), **new}
            with replacing_file(self._path) as file:
                file.write_text(json.dumps(self.parts, indent=2) + "\n", "utf8")


def read_parts(path: Path) -> Parts:
    """No file, no parts."""
    text = path.read_text(encoding="utf8") if path.exists() else "{}"
    parts: Parts = json.loads(text)
    return parts


def all_results(parts: Parts) -> Iterator[Result]:
    for rows in parts.values():
        for row in rows.values():
            yield from row.values()


def _described(result: Result, settings: Settings) -> Result:
    return {**result, "settings": dict(settings), "machine": describe_machine()}
