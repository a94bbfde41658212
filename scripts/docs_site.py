"""What mkdocs.yml needs: files from outside docs/, targets of the API page, lists of
arguments.

A page that has the line `<!-- include ../benchmarks/RESULTS.md -->` shows that file
there, and with `from <default run> to <end>` after the path only the part between the
comments of these names. `<!-- rows FILE: GUM; words/s, * -->` shows the rows of the
file's tables whose first cell is one of these patterns, so that a page repeats no
published number. `::: @NAME` is what the entry point NAME of pyproject.toml points to,
and `::: @NAME/Class` a class of the same module, so that the API page need not change
if a module moves.
"""

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import griffe
import tomllib

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

# Files outside docs/ that have a page of their own.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/RESULTS.md": "results.md",
    "benchmarks/LOG.md": "log.md",
}

_INCLUDE = re.compile(
    r"^<!-- include (\S+)(?: from <([^>]+)> to <end>)? -->$", re.MULTILINE
)
_ROWS = re.compile(r"^<!-- rows (\S+): (.+) -->$", re.MULTILINE)
_TARGET = re.compile(r"^::: @([\w.-]+)(?:/(\w+))?$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
_SCHEME = re.compile(r"\w+:")
# "first, second ... last: what they are", at the start of a line.
_ARGUMENTS = re.compile(r"^((?:\w+(?:, | \.\.\. )?)+): (?=\S)")


def on_page_markdown(markdown: str, *, page: Any, **kwargs: Any) -> str:
    """MkDocs calls it for each page."""
    source = DOCS / page.file.src_uri
    markdown = _move_links(markdown, source.parent, source)
    markdown = _INCLUDE.sub(
        lambda match: _include(match[1], match[2], source), markdown
    )
    markdown = _ROWS.sub(
        lambda match: pick_rows(
            (source.parent / match[1]).read_text(encoding="utf8"), match[2].split("; ")
        ),
        markdown,
    )
    return _TARGET.sub(lambda match: f"::: {find_target(match[1], match[2])}", markdown)


def find_target(name: str, class_name: str | None = None) -> str:
    """The module and object of an entry point, joined by a dot.

    Raises KeyError if pyproject.toml has no such entry point.
    """
    module, target = read_entry_points()[name].split(":")
    return f"{module}.{class_name or target}"


def read_entry_points() -> dict[str, str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    groups = tomllib.loads(text)["project"]["entry-points"].values()
    return {name: target for group in groups for name, target in group.items()}


def _include(path: str, mark: str | None, source: Path) -> str:
    """The file's text without its title, which the page has, or its part between the
    comments `mark` and "end"."""
    file = (source.parent / path).resolve()
    text = re.sub(r"\A# .*\n", "", file.read_text(encoding="utf8"))
    if mark:
        text = text.split(f"<!-- {mark} -->\n")[1].split("<!-- end -->")[0]
    return _move_links(text, file.parent, source)


def pick_rows(text: str, names: Sequence[str]) -> str:
    """Tables of `text` with those rows alone that have one of the names.

    Raises ValueError if a name is in none of them.
    """
    tables = []
    missing = set(names)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        header, border, *rows = table.splitlines()
        picked = []
        for row in rows:
            cell = row.split("|")[1].strip()
            if found := {name for name in names if fnmatchcase(cell, name)}:
                missing -= found
                picked.append(row)
        if picked:
            tables.append("\n".join([header, border, *picked]))
    if missing:
        raise ValueError(f"Expected rows of {', '.join(sorted(missing))}; found none.")
    return "\n\n".join(tables)


def _move_links(text: str, folder: Path, source: Path) -> str:
    """Links that hold in `folder` -> links that hold on the page of `source`. A link
    to a file that has no page becomes its text."""

    def move(match: re.Match[str]) -> str:
        image, words, path, anchor = match.groups()
        if _SCHEME.match(path):
            return match[0]
        file = (folder / path).resolve()
        page = PAGES.get(os.path.relpath(file, ROOT))
        if page is None and not file.is_relative_to(DOCS):
            return str(words)
        target = DOCS / page if page else file
        relative = Path(os.path.relpath(target, source.parent)).as_posix()
        return f"{image}[{words}]({relative}{anchor or ''})"

    return _LINK.sub(move, text)


class ArgumentLists(griffe.Extension):
    """Docstrings say "name: what it is" a line each; on the site these are a list."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = make_lists(obj.docstring.value)


def make_lists(docstring: str) -> str:
    lines: list[str] = []
    for line in docstring.split("\n"):
        if match := _ARGUMENTS.match(line):
            if lines and lines[-1] and not lines[-1].startswith(("- ", "    ")):
                lines.append("")
            names = re.sub(r"\w+", r"`\g<0>`", match[1])
            line = f"- {names}: {line[match.end() :]}"
        lines.append(line)
    return "\n".join(lines)
