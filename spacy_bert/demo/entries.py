"""A section's lines -> entries: a name, its type slot as written, its description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .code_blocks import indent_of
from .sections import Section

NAME = r"[A-Za-z_]\w*"
STARRED = r"`{0,2}\\?\*{0,2}\\?\*?(?P<name>" + NAME + r")`{0,2}\*{0,2}"
GOOGLE = re.compile(rf"{STARRED}\s*(?:\((?P<slot>.*?)\))?\s*:(?:\s+(?P<text>.*)|)$")
NUMPY = re.compile(rf"{STARRED}(?:\s*:\s*(?P<slot>\S.*)|\s*:?)$")
#: What starts an entry of a "Returns" section for certain.
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
    """Entries of a paragraph of :param x: fields, None where it is another text."""
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

    Where prose may stand instead of entries, its lines stay together.
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
