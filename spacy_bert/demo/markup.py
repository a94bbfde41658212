r"""Inline markup of reStructuredText and Markdown -> plain text and its marks.

``x``, `x`, *x*, :class:`~a.b.X`, [`X`] and [text](url) all become their content. Text
that cannot be read without its markup (formulas, substitutions, links) gives None.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .marked import Mark, MarkedText, join

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
#: The set in front lets the search pass over letters at once.
UNREADABLE = re.compile(
    r"(?=[:w$\\|`*{^><\[_.])(?:://|www\.|\$\{|\\[A-Za-z\\]|\|[A-Za-z]\w*\||`|\*\*|\{[\w.]*\}"
    r"|\^\{|>>>|</?[A-Za-z]+[ >]|:\w+:`|\[~|\[\w+\]_|__\)|\.\. |::)"
)
SIMPLE_FORMULA = re.compile(r"[\w\s+\-*/=<>().,!']*")
SPACES = re.compile(r"\s{2,}|[^\S ]")
#: What stood in the brackets may have been a footnote alone.
EMPTIED = re.compile(r" \(\s*\)| (?=[,.;]( |$))")
#: Roles that name a document, a label or a file, never a thing of the code.
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
