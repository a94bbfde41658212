"""What a command may write to: a path where nothing is, or where this package wrote
the same kind of thing before."""

import json
import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from .tokenization.special import SPECIAL_PIECES

# The first line of each config that a command writes.
CONFIG_HEADER = "# Written by 'spacy bert init-config'.\n"

MIGRATED_HEADER = "# Written by 'spacy bert migrate'. Comments are lost.\n"

COMPARISON_TITLE = "Pretraining runs compared"

# What is in a folder that `nlp.to_disk` wrote, apart from its components.
_PIPELINE_FILES = {"config.cfg", "meta.json", "tokenizer", "vocab"}

# The file in which an export lists what it wrote.
_EXPORT_FILE = "spacy_bert_export.json"

_HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Kind:
    """name: as messages call it. is_one: whether a file, or a folder that is not empty,
    is of this kind."""

    name: str
    is_one: Callable[[Path], bool]
    is_folder: bool = False


def check_output(
    path: Path,
    kind: Kind,
    *,
    force: bool,
    inputs: Iterable[Path] = (),
) -> Path:
    """Return the path to write to, with links followed.

    inputs: what the command reads, which it must not replace.

    Raises FileExistsError if something is there that may not be replaced, and
    ValueError if nothing can be written to such a path.
    """
    # pathlib's own raises RuntimeError if a link leads to itself.
    target = Path(os.path.realpath(path))
    if path.is_symlink() and not target.exists():
        raise FileExistsError(
            f"{path} is a link to {target}, where nothing is. Remove the link, or give "
            "another name."
        )
    if kind.is_folder and target in (here := Path.cwd().resolve(), *here.parents):
        raise ValueError(
            f"{path}: expected a new folder, or one that can be replaced, got one that "
            "you are in. Give another name."
        )
    for source in inputs:
        if _is_same_or_inside(source, target) or (
            kind.is_folder and _is_same_or_inside(target, source)
        ):
            raise ValueError(
                f"{path}: expected an output apart from the input, which is {source}. "
                "Give another name."
            )
    if not target.exists() or is_ours(target, kind) and force:
        return target
    if is_ours(target, kind):
        raise FileExistsError(f"{path} exists already. Give another name, or --force.")
    raise FileExistsError(
        f"{path} exists already and is not {kind.name}, which is all that --force "
        "replaces. Move it away, or give another name."
    )


def is_ours(path: Path, kind: Kind) -> bool:
    """Whether nothing is lost that this package did not write: what is at `path` is of
    this kind, or empty."""
    is_right = path.is_dir() if kind.is_folder else path.is_file()
    if not is_right or path.is_mount():
        return False
    is_empty = not any(path.iterdir()) if kind.is_folder else _head(path) == b""
    return is_empty or kind.is_one(path)


def holds_only(path: Path, names: Iterable[str]) -> bool:
    """Whether each file of a folder and its subfolders matches one of some patterns,
    such as "train/*.bin", in which * matches subfolders too."""
    names = list(names)
    files = (file.relative_to(path) for file in path.rglob("*") if not file.is_dir())
    return all(any(fnmatch(file.as_posix(), n) for n in names) for file in files)


def mark_export(path: Path) -> None:
    """List the files of a folder in it, so that a later export may replace them."""
    sizes = _sizes(path)
    (path / _EXPORT_FILE).write_text(
        json.dumps({"bytes": sizes}, indent=2) + "\n", encoding="utf8"
    )


def _is_export(path: Path) -> bool:
    """Not if another program has written into it since: `transformers` may train it
    and save it there."""
    try:
        listed = json.loads((path / _EXPORT_FILE).read_text(encoding="utf8"))["bytes"]
        return bool(listed == _sizes(path))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _sizes(path: Path) -> dict[str, int]:
    """Each file but the list itself -> its bytes."""
    return {
        file.relative_to(path).as_posix(): file.stat().st_size
        for file in sorted(path.rglob("*"))
        if not file.is_dir() and file != path / _EXPORT_FILE
    }


def _is_vocabulary(path: Path) -> bool:
    lines = _head(path).decode("utf8", "ignore").splitlines()
    return tuple(lines[: len(SPECIAL_PIECES)]) == SPECIAL_PIECES


def _is_suggestions(path: Path) -> bool:
    return b'"meta":{"uncertainty":' in _head(path)


def _is_error_page(path: Path) -> bool:
    return b"<title>Errors of a spaCy pipeline</title>" in _head(path)


def _is_comparison(path: Path) -> bool:
    return f"<title>{COMPARISON_TITLE}</title>".encode() in _head(path)


def _is_docbin(path: Path) -> bool:
    try:
        head = zlib.decompressobj().decompress(_head(path), _HEAD_BYTES)
    except zlib.error:
        return False
    # MessagePack: a small map whose first key is a string of 7 bytes.
    return head[:1] in b"\x88\x89\x8a\x8b\x8c" and head[1:9] == b"\xa7version"


def _is_config(path: Path) -> bool:
    return _head(path).startswith(CONFIG_HEADER.strip().encode("utf8"))


def _is_migrated(path: Path) -> bool:
    return _head(path).startswith(MIGRATED_HEADER.strip().encode("utf8"))


def _is_pipeline(path: Path) -> bool:
    try:
        meta = json.loads((path / "meta.json").read_text(encoding="utf8"))
        components = meta["components"]
        names = {file.name for file in path.iterdir()}
        return "config.cfg" in names and names <= {*_PIPELINE_FILES, *components}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _is_same_or_inside(path: Path, folder: Path) -> bool:
    """By file, not by name: there are links."""
    if not folder.exists():
        return path.resolve().is_relative_to(folder.resolve())
    resolved = path.resolve()
    return any(
        ancestor.exists() and ancestor.samefile(folder)
        for ancestor in (resolved, *resolved.parents)
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


VOCABULARY = Kind(name="a vocabulary", is_one=_is_vocabulary)
DOCBIN = Kind(name="a .spacy file", is_one=_is_docbin)
SUGGESTIONS = Kind(
    name="a file that 'spacy bert suggest' wrote", is_one=_is_suggestions
)
ERROR_PAGE = Kind(name="a page that 'spacy bert errors' wrote", is_one=_is_error_page)
COMPARISON = Kind(
    name="a comparison that 'spacy bert report' wrote", is_one=_is_comparison
)
CONFIG = Kind(name="a config that 'spacy bert init-config' wrote", is_one=_is_config)
MIGRATED = Kind(name="a config that 'spacy bert migrate' wrote", is_one=_is_migrated)
PIPELINE = Kind(name="a pipeline and nothing else", is_one=_is_pipeline, is_folder=True)
EXPORT = Kind(
    name="an export and nothing else, unchanged", is_one=_is_export, is_folder=True
)
