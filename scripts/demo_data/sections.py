"""A docstring's lines -> sections of prose, and the entries of the other sections."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

FENCE = re.compile(r"\s*(```|~~~)")
DIRECTIVE = re.compile(r"(\s*)\.\. +(?P<name>[\w-]+)::(?P<rest>.*)")
COMMENT = re.compile(r"\s*\.\.(\s|$)")
TABLE = re.compile(r"\s*(\+[-=+]{3,}\+?|[-=]{2,}(\s+[-=]{2,})+|\|.*\|?)\s*$")
TAG_LINE = re.compile(r"\s*</?[A-Za-z][^>]*>\s*$")
# Directives whose body is prose.
NOTES = frozenset("note warning tip important caution hint attention".split())


def drop_code(lines: list[str]) -> list[str]:
    """Leave prose, lists and section headings; blank lines replace what went."""
    kept: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        directive = DIRECTIVE.match(line)
        if FENCE.match(line):
            position = (
                _skip(lines, position + 1, lambda text: not FENCE.match(text)) + 1
            )
        elif line.lstrip().startswith((">>>", "...", "In [")):
            position = _skip(lines, position, lambda text: bool(text.strip()))
        elif directive:
            end = _indented_end(lines, position)
            if directive["name"] in NOTES:
                kept += ["", directive["rest"].strip()]
                kept += _dedented(drop_code(lines[position + 1 : end]))
            position = end
        elif COMMENT.match(line):
            position = _indented_end(lines, position)
        elif TABLE.match(line) and not _is_underline(lines, position):
            position = _skip(lines, position, lambda text: bool(text.strip()))
        elif TAG_LINE.match(line):
            position += 1
        elif line.rstrip().endswith("::"):
            kept.append(line.rstrip()[:-1] if line.strip() != "::" else "")
            position = _indented_end(lines, position)
        else:
            kept.append(line)
            position += 1
            continue
        kept.append("")
    return kept


def indent_of(line: str) -> int:
    """Number of leading spaces."""
    return len(line) - len(line.lstrip())


def _skip(lines: list[str], start: int, goes_on: Callable[[str], bool]) -> int:
    while start < len(lines) and goes_on(lines[start]):
        start += 1
    return start


def _indented_end(lines: list[str], start: int) -> int:
    # The lines that belong to the one at `start`: blank or indented deeper.
    indent = indent_of(lines[start])
    end = start + 1
    while end < len(lines) and (
        not lines[end].strip() or indent_of(lines[end]) > indent
    ):
        end += 1
    return end


def _dedented(lines: list[str]) -> list[str]:
    indents = [indent_of(line) for line in lines if line.strip()]
    margin = min(indents, default=0)
    return [line[margin:] for line in lines]


def _is_underline(lines: list[str], position: int) -> bool:
    # "=== ===" is a table's border, "-----" below a line of text a heading's.
    line = lines[position].strip()
    return " " not in line and "|" not in line and "+" not in line


UNDERLINE = re.compile(r"\s*([-=~^*#\"'+.])\1{2,}\s*$")
GOOGLE_HEADING = re.compile(r"\s*(?P<name>[A-Z][A-Za-z ]{2,30}):\s*$")

# Heading -> what is below it. Unknown underlined headings hold prose.
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


NAME = r"[A-Za-z_]\w*"
STARRED = r"`{0,2}\\?\*{0,2}\\?\*?(?P<name>" + NAME + r")`{0,2}\*{0,2}"
GOOGLE = re.compile(rf"{STARRED}\s*(?:\((?P<slot>.*?)\))?\s*:(?:\s+(?P<text>.*)|)$")
NUMPY = re.compile(rf"{STARRED}(?:\s*:\s*(?P<slot>\S.*)|\s*:?)$")
# What starts an entry of a "Returns" section for certain.
HEAD = re.compile(
    rf"[-*]? ?`*{NAME}`*(, {NAME})* ?(: \S|\(.*\) ?:)|[\w\[\], ]+:( |$)|\(.*\) : |$"
)
LIST_ITEM = re.compile(r"\s*(?:([-*\u2022]|\d+[.)])\s|`?\w+`? \(.*\) ?:(\s|$))")
RAISES = re.compile(
    r":?(?:class:|exc:)?`?~?\.?(?P<name>[A-Z]\w*)`?\s*(?::\s*(?P<text>.*))?$"
)
SPHINX = re.compile(
    r":(?P<kind>param|parameter|arg|return|returns|raises|raise|type|rtype)"
    rf"(?:\s+(?P<type>[^:]*?))??(?:\s+\*{{0,2}}(?P<name>{NAME}))?:\s*(?P<text>.*)$"
)


@dataclass(frozen=True)
class Entry:
    """One documented thing; `style` says how its head was written."""

    kind: str
    name: str
    slot: str
    text: str
    style: str = "google"


def read_entries(section: Section) -> Iterator[Entry]:
    """Entries of a parameter, attribute, return or raise section; others are lost."""
    for head, body in _groups(section.lines, section.kind == "return"):
        entry = _read(section, head, body)
        if entry is not None:
            yield entry


def read_sphinx(lines: list[str]) -> list[Entry] | None:
    """Entries of a paragraph of :param x: fields; None if it is another text."""
    if not lines or not SPHINX.match(lines[0].strip()):
        return None
    fields: list[list[str]] = []
    for line in lines:
        if SPHINX.match(line.strip()) or not fields:
            fields.append([])
        fields[-1].append(line.strip())
    entries = []
    for parts in fields:
        match = SPHINX.match(" ".join(parts))
        if match is None or match["kind"] in ("type", "rtype"):
            continue
        kind = "raise" if "raise" in match["kind"] else "return"
        kind = kind if match["kind"][0] == "r" else "param"
        entries.append(
            Entry(kind, match["name"] or "", match["type"] or "", match["text"])
        )
    return entries


def _groups(lines: list[str], in_prose: bool) -> Iterator[tuple[str, list[str]]]:
    """A head line at the section's own indent with the deeper lines below it.

    If prose may come instead of entries, its lines stay together.
    """
    indents = [indent_of(line) for line in lines if line.strip()]
    margin = min(indents, default=0)
    head = ""
    body: list[str] = []
    for line in lines:
        goes_on = in_prose and head and all(text.strip() for text in body)
        if goes_on and not HEAD.match(line.strip()):
            body.append(line)
        elif line.strip() and indent_of(line) == margin:
            if head:
                yield head, body
            head, body = line.strip(), []
        else:
            body.append(line)
    if head:
        yield head, body


def _read(section: Section, head: str, body: list[str]) -> Entry | None:
    text = _first_paragraph(body)
    if section.kind == "raise":
        match = RAISES.match(head.lstrip("*-` "))
        if match is None:
            return None
        return Entry(
            "raise", match["name"], "", f"{match['text'] or ''} {text}".strip()
        )
    if section.kind == "return":
        return _read_return(section, head, text)
    if section.is_google:
        match = GOOGLE.match(_whole_head(head, body).lstrip("-\u2022 "))
        if match is None:
            return None
        if _whole_head(head, body) != head:
            text = _first_paragraph(body[1:])
        described = f"{match['text'] or ''} {text}".strip()
        return Entry(section.kind, match["name"], match["slot"] or "", described)
    match = NUMPY.match(head) or GOOGLE.match(head)
    if match is None:
        return None
    inline = match.groupdict().get("text") or ""
    style = "google" if inline else "numpy"
    described = f"{inline} {text}".strip()
    return Entry(section.kind, match["name"], match["slot"] or "", described, style)


def _read_return(section: Section, head: str, text: str) -> Entry | None:
    if section.is_google:
        head = re.sub(r"^(?:[-*\u2022]\s+)+", "", head)
        slot, colon, first = head.partition(": ")
        if not colon and head.endswith(":"):
            slot, colon = head[:-1], ":"
        if not colon:
            return Entry("return", "", "", f"{head} {text}".strip())
        named = GOOGLE.match(head)
        if named is not None and named["slot"]:
            return Entry(
                "return", named["name"], named["slot"], f"{first} {text}".strip()
            )
        return Entry("return", "", slot, f"{first} {text}".strip())
    match = NUMPY.match(head)
    if match is not None and match["slot"]:
        return Entry("return", match["name"], match["slot"], text, "numpy")
    return Entry("return", "", head.rstrip(":"), text, "numpy")


def _whole_head(head: str, body: list[str]) -> str:
    # A long slot may run into the next line: "x (a,\n      b): text".
    if body and head.count("(") > head.count(")"):
        return f"{head} {body[0].strip()}"
    return head


def _first_paragraph(body: list[str]) -> str:
    # Without lists and entries within the entry.
    lines: list[str] = []
    for line in body:
        if not line.strip() and not lines:
            continue
        if not line.strip() or LIST_ITEM.match(line):
            break
        lines.append(line.strip())
    return join_lines(lines)


def join_lines(lines: list[str]) -> str:
    """One line out of several, words that were parted at a hyphen made whole."""
    return re.sub(
        r"(?<=[a-z]-) (?!and\b|or\b|to\b)(?=[a-z])",
        "",
        " ".join(line.strip() for line in lines),
    )
