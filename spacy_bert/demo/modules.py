"""A package -> its modules as syntax trees, in a fixed order, nothing imported."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .packages import Package

#: Folders whose docstrings are no documentation of the package.
SKIPPED_FOLDERS = frozenset(
    "site-packages dist-packages __pycache__ test tests lib2to3 idlelib "
    "ensurepip turtledemo _internal __phello__".split()
)


IMPORT = re.compile(rb"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name and its tree; stubs only declare names."""

    name: str
    tree: ast.Module
    is_stub: bool = False
    #: top-level names that the file imports anywhere
    imports: frozenset[str] = frozenset()


def read_modules(package: Package) -> Iterator[Module]:
    """Parse the package's files one by one, so only one tree is held at a time."""
    for path in sorted(package.root.rglob("*.py*")):
        relative = path.relative_to(package.root)
        if path.suffix not in (".py", ".pyi") or relative.name.startswith("test_"):
            continue
        if not SKIPPED_FOLDERS.isdisjoint(relative.parts[:-1]):
            continue
        source = path.read_bytes()
        tree = _parse(source)
        if tree is not None:
            name = _dotted_name(package.name, relative)
            imports = frozenset(found.decode() for found in IMPORT.findall(source))
            yield Module(name, tree, path.suffix == ".pyi", imports)


def _parse(source: bytes) -> ast.Module | None:
    if b"def " not in source and b"class " not in source and b'"""' not in source:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's strings
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):  # templates, files for a newer Python
            return None


def _dotted_name(package: str, relative: Path) -> str:
    parts = list(relative.with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join([package, *parts])
