"""Package names -> where each package's source lies, found without importing it."""

from __future__ import annotations

import importlib.util
import platform
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

#: The packages whose documentation is read; "python" is the standard library.
PACKAGE_NAMES = ("python", "numpy", "torch", "sympy", "networkx", "transformers")


@dataclass(frozen=True)
class Package:
    """One installed package: its name, its source folder and its version."""

    name: str
    root: Path
    version: str


def find_packages(names: Sequence[str] = PACKAGE_NAMES) -> list[Package]:
    """Find every package, or say in one error which are not installed."""
    roots = {name: _find_root(name) for name in names}
    missing = [name for name, root in roots.items() if root is None]
    if missing:
        raise ModuleNotFoundError(
            "The demo data is built from the documentation of the packages "
            f"{', '.join(names)}, but these are not installed: "
            f"{', '.join(missing)}. Install them (pip install {' '.join(missing)}) "
            "and run the command again."
        )
    return [
        Package(name, root, _find_version(name))
        for name, root in roots.items()
        if root is not None
    ]


def _find_root(name: str) -> Path | None:
    if name == "python":
        return Path(sysconfig.get_paths()["stdlib"])
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _find_version(name: str) -> str:
    if name == "python":
        return platform.python_version()
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
