"""Results that are measured once and kept in a JSON file."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
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
    ) -> None:
        """Measure a result if there is none under these settings."""
        results = self.parts.get(part, {}).get(row, {})
        if self._needs([r for name, r in results.items() if name == system], settings):
            print(f"{part}: {row}, {system}", flush=True)
            self._keep(part, {row: {system: measure()}}, settings)

    def row_once(
        self, part: str, row: str, settings: Settings, measure: Callable[[], Row]
    ) -> None:
        """The same for systems that are measured in turns: all of them, or none."""
        if self._needs(self.parts.get(part, {}).get(row, {}).values(), settings):
            print(f"{part}: {row}", flush=True)
            self._keep(part, {row: measure()}, settings, replaces_rows=True)

    def part_once(
        self, part: str, settings: Settings, measure: Callable[[], dict[str, Row]]
    ) -> None:
        """The same for all rows of a part."""
        if self._needs(list(all_results({part: self.parts.get(part, {})})), settings):
            print(part, flush=True)
            self._keep(part, measure(), settings, replaces_part=True)

    def _needs(self, found: Collection[Result], settings: Settings) -> bool:
        return (
            self._again
            or not found
            or any("source" in one or one["settings"] != settings for one in found)
        )

    def _keep(
        self,
        part: str,
        rows: dict[str, Row],
        settings: Settings,
        *,
        replaces_part: bool = False,
        replaces_rows: bool = False,
    ) -> None:
        origin = {"settings": dict(settings), "machine": describe_machine()}
        with self._lock:
            # Another command may have written to the file since it was read.
            self.parts = read_parts(self._path)
            kept = {} if replaces_part else self.parts.get(part, {})
            for row, results in rows.items():
                new = {name: {**one, **origin} for name, one in results.items()}
                kept[row] = new if replaces_rows else {**kept.get(row, {}), **new}
            self.parts[part] = kept
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
