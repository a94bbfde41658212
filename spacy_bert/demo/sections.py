"""Lines of a docstring -> its sections ("Parameters", "Returns", ...), any style."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .code_blocks import indent_of

UNDERLINE = re.compile(r"\s*([-=~^*#\"'+.])\1{2,}\s*$")
GOOGLE_HEADING = re.compile(r"\s*(?P<name>[A-Z][A-Za-z ]{2,30}):\s*$")

#: Heading -> what stands below it. Unknown underlined headings hold prose.
KINDS = {
    "parameters": "param",
    "other parameters": "param",
    "args": "param",
    "arguments": "param",
    "kwargs": "param",
    "keyword args": "param",
    "keyword arguments": "param",
    "params": "param",
    "inputs": "param",
    "options": "param",
    "attributes": "attribute",
    "members": "attribute",
    "returns": "return",
    "return": "return",
    "yields": "return",
    "raises": "raise",
    "raise": "raise",
    "note": "prose",
    "notes": "prose",
    "warning": "prose",
    "warnings": "prose",
    "explanation": "prose",
    "description": "prose",
    "example": "drop",
    "examples": "drop",
    "usage": "drop",
    "usage example": "drop",
    "example usage": "drop",
    "sample usage": "drop",
    "references": "drop",
    "reference": "drop",
    "see also": "drop",
    "shape": "drop",
    "methods": "drop",
    "signature": "drop",
    "call arguments": "param",
}


@dataclass
class Section:
    """Lines under one heading; the text before the first heading is prose."""

    kind: str = "prose"
    lines: list[str] = field(default_factory=list)
    is_google: bool = False


def split_sections(lines: list[str]) -> list[Section]:
    """Cut at underlined headings and at known "Heading:" lines."""
    sections = [Section()]
    google_indent: int | None = None
    position = 0
    while position < len(lines):
        line = lines[position]
        following = lines[position + 1] if position + 1 < len(lines) else ""
        if line.strip() and UNDERLINE.match(following) and _fits(line, following):
            name = line.strip().strip(":").lower()
            sections.append(Section(KINDS.get(name, "prose")))
            google_indent = None
            position += 2
            continue
        position += 1
        if UNDERLINE.match(line):
            continue
        heading = GOOGLE_HEADING.match(line)
        kind = KINDS.get(heading["name"].lower()) if heading else None
        if kind:
            google_indent = indent_of(line)
            sections.append(Section(kind, is_google=True))
        elif google_indent is not None and _leaves(line, google_indent, sections[-1]):
            google_indent = None
            sections.append(Section(lines=[line]))
        else:
            sections[-1].lines.append(line)
    return sections


def _fits(title: str, underline: str) -> bool:
    return abs(len(title.strip()) - len(underline.strip())) <= 12


def _leaves(line: str, indent: int, section: Section) -> bool:
    # Text at the heading's own indent ends the section, unless all of it is there.
    if not line.strip() or indent_of(line) > indent:
        return False
    return any(text.strip() for text in section.lines)
