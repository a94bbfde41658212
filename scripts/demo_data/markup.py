r"""Text with inline markup -> plain text and its marks, the packages' names masked.

``x``, `x`, *x*, :class:`~a.b.X`, [`X`] and [text](url) all become their content. Text
that cannot be read without its markup (formulas, substitutions, links) gives None.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .packages import PACKAGE_NAMES


class Mark(NamedTuple):
    """A stretch of text that was marked up; `role` says how ("code", "func", ...)."""

    start: int
    end: int
    role: str
    target: str = ""

    def at(self, start: int, end: int) -> "Mark":
        """The same mark elsewhere."""
        return Mark(start, end, self.role, self.target)


@dataclass(frozen=True)
class MarkedText:
    """Plain text and its marks, in order of their start."""

    text: str
    marks: tuple[Mark, ...] = ()

    def cut(self, start: int, end: int) -> "MarkedText":
        """The part between two offsets, without spaces at its ends."""
        piece = self.text[start:end]
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        marks = [
            mark.at(mark.start - start, mark.end - start)
            for mark in self.marks
            if start <= mark.start and mark.end <= end
        ]
        return MarkedText(self.text[start:end], tuple(marks))

    def edit(
        self, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]
    ) -> "MarkedText":
        """Replace every match; marks keep their place, empty ones go."""
        edits: list[tuple[int, int, int]] = []
        pieces: list[str] = []
        position = 0
        for match in pattern.finditer(self.text):
            new = replacement(match)
            pieces += [self.text[position : match.start()], new]
            edits.append((match.start(), match.end(), len(new)))
            position = match.end()
        if not edits:
            return self
        pieces.append(self.text[position:])
        marks = [
            mark.at(moved(mark.start, edits), moved(mark.end, edits))
            for mark in self.marks
        ]
        kept = tuple(mark for mark in marks if mark.start < mark.end)
        return MarkedText("".join(pieces), kept)


def join(parts: Iterable[MarkedText]) -> MarkedText:
    """One text out of several, nothing put between them."""
    text = ""
    marks: list[Mark] = []
    for part in parts:
        marks += [
            mark.at(mark.start + len(text), mark.end + len(text)) for mark in part.marks
        ]
        text += part.text
    return MarkedText(text, tuple(marks))


def moved(offset: int, edits: list[tuple[int, int, int]]) -> int:
    """Where an offset lies after edits (start, end, new length), sorted by start."""
    shift = 0
    for start, end, length in edits:
        if offset <= start:
            break
        if offset < end:  # inside what was replaced: snap to the replacement's end
            return start + shift + length
        shift += length - (end - start)
    return offset + shift


INLINE = re.compile(
    r"""
      :(?:[a-z]+:)?(?P<role>[a-z]+):`(?P<role_text>[^`]+)`
    | ``(?P<double>(?:(?!``).)+)``
    | \[`(?P<bracket>[^`\]]+)`\](?:\([^()]*\))?
    | \[(?P<link>[^\[\]]+)\]\([^()\s]*\)
    | `(?P<single>[^`]+)`_{0,2}
    | \*\*(?=\S)(?P<bold>[^*]+?)(?<=\S)\*\*
    | (?<![\w*])\*(?=[^\s*])(?P<star>[^*]+?)(?<=[^\s*,(])\*(?![\w*])
    | (?P<foot>(?<!see)(?<!See)(?<!\bin)(?<!\bby)(?<!from)\s+\[\#?\w+\]_)
    | (?<!\w)\$(?P<dollar>[^$\s][^$]*)\$
    | (?P<stars>(?<![\w*)])\*{1,2}(?=[A-Za-z_]))
    """,
    re.VERBOSE,
)
REFERENCE = re.compile(r"^(?P<text>[^<>]*[^<>\s])\s*<(?P<target>[^<>]+)>$")
# The set in front lets the search pass over letters at once.
UNREADABLE = re.compile(
    r"(?=[:w$\\|`*{^><\[_.])(?:://|www\.|\$\{|\\[A-Za-z\\]|\|[A-Za-z]\w*\||`|\*\*|\{[\w.]*\}"
    r"|\^\{|>>>|</?[A-Za-z]+[ >]|:\w+:`|\[~|\[\w+\]_|__\)|\.\. |::)"
)
SIMPLE_FORMULA = re.compile(r"[\w\s+\-*/=<>().,!']*")
SPACES = re.compile(r"\s{2,}|[^\S ]")
# What stood in the brackets may have been a footnote alone.
EMPTIED = re.compile(r" \(\s*\)| (?=[,.;]( |$))")
# Roles that name a document, a label or a file, never a thing of the code.
PLAIN_ROLES = frozenset(
    "ref doc term pep rfc file abbr sup sub samp menuselection".split()
)


@lru_cache(maxsize=20_000)  # documentation repeats itself
def strip_markup(raw: str) -> MarkedText | None:
    """Take the markup away and remember where it was."""
    parts: list[MarkedText] = []
    position = 0
    for match in INLINE.finditer(raw):
        content = _content(match)
        if content is None:
            return None
        parts += [_plain(raw[position : match.start()]), content]
        position = match.end()
    parts.append(_plain(raw[position:]))
    if any(UNREADABLE.search(part.text) for part in parts if not part.marks):
        return None
    result = join(parts).edit(SPACES, lambda match: " ").edit(EMPTIED, lambda match: "")
    return result.cut(0, len(result.text))


def tidy_code(code: str) -> str:
    """Spaces around brackets and operators, so that a tokenizer can part names."""
    pieces = re.split(r"('[^']*'|\"[^\"]*\")", space_brackets(code))
    pieces[::2] = [_space_operators(piece) for piece in pieces[::2]]
    return "".join(pieces).strip()


def space_brackets(code: str) -> str:
    """`Dict[str, int]` -> `Dict [str, int]`, two tokens in front of the bracket."""
    return re.sub(r"(?<=\w)(?=[\[({](?![\])}]))", " ", code)


def _space_operators(code: str) -> str:
    code = re.sub(r"\s*(==|!=|<=|>=|->|=|\|)\s*", r" \1 ", code)
    code = re.sub(r"(?<=[\w)\]])\s*(\*\*|[*+%])\s*(?=[\w(\[])", r" \1 ", code)
    code = re.sub(r",(?=[^\s)\]}])", ", ", code)
    return re.sub(r"\s+", " ", code)


def _plain(text: str) -> MarkedText:
    text = re.sub(r"\\([*_`\\' ])", r"\1", text)
    text = re.sub(r"(?<=\w)(==|!=|<=|>=|=)(?=[\w\"'(\[-])", r" \1 ", text)
    return MarkedText(text.replace("\N{HUGGING FACE}", "Hugging Face"))


def _content(match: re.Match[str]) -> MarkedText | None:
    kind = match.lastgroup or ""
    text = match[kind]
    if kind in ("foot", "stars"):
        return MarkedText("")
    if kind in ("bold", "link"):
        return _plain(text.replace("`", ""))
    if kind == "dollar":
        return _formula(text)
    if kind == "star":
        is_name = re.fullmatch(r"[A-Za-z_]\w*", text) is not None
        return _mark(text, "star", text) if is_name else _plain(text)
    if kind == "role_text":
        return _role(match["role"], text)
    reference = REFERENCE.match(text)
    if reference and kind == "single":
        return _plain(reference["text"])
    return _code(text, "reference" if kind == "bracket" else "code")


def _role(role: str, text: str) -> MarkedText | None:
    reference = REFERENCE.match(text)
    if role == "math":
        return _formula(text)
    if role in PLAIN_ROLES:
        if role in ("pep", "rfc"):
            return _plain(f"{role.upper()} {text}")
        is_label = reference is None and re.search(r"[_/:-]|^\w+$", text)
        return None if is_label else _plain(reference["text"] if reference else text)
    if reference:
        return _mark(reference["text"], role, reference["target"])
    return _code(text, role)


def _code(text: str, role: str) -> MarkedText | None:
    text = re.sub(r"\s+", " ", text).strip()
    if text.startswith("~"):
        text = text[1:]
        target = text.lstrip(".")
        shown = target.rsplit(".", 1)[-1]
    else:
        shown = target = text.lstrip("!")
        shown = shown.lstrip(".") if re.match(r"\.[A-Za-z_]", shown) else shown
    if not shown or "\\" in shown or "^{" in shown or "`" in shown:
        return None
    shown = tidy_code(re.sub(r"^\*{1,2}(?=\w+$)", "", shown))
    return _mark(shown, role, target)


def _formula(text: str) -> MarkedText | None:
    if not SIMPLE_FORMULA.fullmatch(text):
        return None
    return _mark(tidy_code(text.strip()), "math", text)


def _mark(text: str, role: str, target: str) -> MarkedText:
    return MarkedText(text, (Mark(0, len(text), role, target),))


MASK = "library"

# `numpy.ndarray`, `np.ndarray`: the part before the dot goes.
PREFIX = re.compile(rf"(?<![\w.])(?:{'|'.join(PACKAGE_NAMES)}|np|nx|mx)\.(?=[A-Za-z_])")
# Also inside of names: NetworkXError, from_numpy, PyTorch's, is_torch_available. Names
# that are words too (click, rich, requests, packaging) stay if they are written small.
NAMES = re.compile(
    r"hugging[ _-]?face(?:[ _-]?hub)?|pytorch|network ?x|cpython|python|numpy|torch"
    r"|sympy|symp(?=if[iy])|fsspec|jinja2?|pydantic|pygments|setuptools|spacy|thinc"
    r"|urllib3|(?-i:filelock|\b[Tt]yper(?![a-z])|\b(?:Click|Rich)\b)",
    re.IGNORECASE,
)
ALIASES = re.compile(r"(?<![\w.])(?:np|nx(?! ?,)|hf|HF)(?!\w)")
REPEATED = re.compile(rf"\b{MASK}(?:(?:'s)?[ /]{MASK})+\b")


def mask_names(content: MarkedText) -> MarkedText:
    """Replace the names by one word; marks keep their place."""
    content = content.edit(PREFIX, lambda match: "")
    content = content.edit(NAMES, lambda match: _neutral(content, match))
    content = content.edit(ALIASES, lambda match: MASK)
    return content.edit(REPEATED, lambda match: MASK)


def _neutral(content: MarkedText, match: re.Match[str]) -> str:
    # NetworkXError stays a name in capitals: LibraryError.
    following = content.text[match.end() : match.end() + 1]
    preceding = content.text[match.start() - 1 : match.start()]
    inside = following.isupper() or (preceding.isalpha() and preceding.islower())
    return MASK.capitalize() if inside else MASK
