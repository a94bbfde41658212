"""Package names -> their modules as syntax trees, each with its side; none imported."""

import ast
import hashlib
import importlib.util
import platform
import re
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

# The packages whose documentation is read; "python" is the standard library. The large
# ones are a category each, the small ones, in which few descriptions are marked up, are
# one together. All come with torch, spaCy and tokenizers.
LARGE_PACKAGES = ("python", "numpy", "torch", "sympy", "networkx")
SMALL_PACKAGES = (
    *("click", "filelock", "fsspec", "huggingface_hub", "jinja2", "packaging"),
    *("pydantic", "pygments", "requests", "rich", "setuptools", "spacy", "thinc"),
    *("typer", "urllib3"),
)
PACKAGE_NAMES = LARGE_PACKAGES + SMALL_PACKAGES


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


def category_of(package: str) -> str:
    """The category that the package's descriptions get."""
    return package if package in LARGE_PACKAGES else "other"


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


# Folders whose docstrings are no documentation of the package.
SKIPPED_FOLDERS = frozenset(
    "site-packages dist-packages __pycache__ test tests lib2to3 idlelib "
    "ensurepip turtledemo _internal __phello__ _vendor".split()
)


IMPORT = re.compile(rb"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name and its tree; stubs only declare names."""

    name: str
    tree: ast.Module
    is_stub: bool = False
    # top-level names that the file imports anywhere
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


SIDES = ("train", "dev", "test")
# Percentages of the modules that go to dev and to test.
N_DEV = N_TEST = 10


def side_of(module: str) -> str:
    """The side of a module, which all of its docstrings are on."""
    number = stable_hash(module) % 100
    if number < N_TEST:
        return "test"
    return "dev" if number < N_TEST + N_DEV else "train"


def stable_hash(text: str) -> int:
    """A number that depends on the text alone, not on the process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
