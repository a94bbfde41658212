"""README.md and docs/ -> fenced blocks, headings and links, each with its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]

# A fenced block, with `<!-- run -->` on the line before if its commands are to be run,
# or code for the test alone.
_BLOCK = re.compile(
    r"^(?P<run><!-- run -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$"
    r"|^<!-- setup\n(?P<setup>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
_FENCED = re.compile(r"^```.*?^```$|<!--.*?-->", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """kind: "python", "ini", "bash", ..., or "setup"; is_run: whether a block of
    commands is to be run."""

    kind: str
    text: str
    line: int
    is_run: bool


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read_blocks(path: Path) -> list[Block]:
    page = path.read_text(encoding="utf8")
    blocks = []
    for match in _BLOCK.finditer(page):
        kind = "setup" if match["setup"] is not None else match["kind"]
        start = match.start("setup" if kind == "setup" else "text")
        text = match["setup"] if kind == "setup" else match["text"]
        line = page.count("\n", 0, start) + 1
        blocks.append(Block(kind, text, line, match["run"] is not None))
    return blocks


def read_inline_code(path: Path) -> list[str]:
    return _CODE.findall(_prose(path))


def read_links(path: Path) -> list[str]:
    return [one or other for one, other in _LINK.findall(_prose(path))]


def read_anchors(path: Path) -> set[str]:
    return {_slug(title) for title in _HEADING.findall(_prose(path))}


def split_commands(text: str) -> Iterator[str]:
    """Lines that end with a backslash go on; a comment is left out."""
    for line in text.replace("\\\n", " ").split("\n"):
        for command in line.partition(" #")[0].split("&&"):
            if command.strip() and not command.lstrip().startswith("#"):
                yield " ".join(command.split())


def _prose(path: Path) -> str:
    return _FENCED.sub("", path.read_text(encoding="utf8"))


def _slug(title: str) -> str:
    """As GitHub and Python-Markdown agree on it."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", words).strip().lower().replace(" ", "-")
