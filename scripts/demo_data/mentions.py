"""A unit's marked text -> the mentions in it, each with its label."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .docstrings import BUILTIN_EXCEPTIONS, Docstring, Symbols
from .markup import Mark, MarkedText
from .packages import PACKAGE_NAMES
from .type_slots import BUILTIN_TYPES, GENERIC_TYPES, UNMISTAKABLE_TYPES

NAME = re.compile(
    r"(?<![\w.'\"@$\\/])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?![\w\"/\\]|'(?!s\b))"
)
CALL = re.compile(r"\s?\(")
SAID_TO_BE_FUNCTION = re.compile(r"(\(\))? (method|function)s?\b")


@dataclass(frozen=True)
class Span:
    """A labelled stretch of text."""

    start: int
    end: int
    label: str


class MentionFinder:
    """Finds the mentions of one docstring; what is marked once is known throughout."""

    def __init__(
        self,
        docstring: Docstring,
        symbols: Symbols,
        classes: frozenset[str],
        ordinary: frozenset[str],
    ):
        self.names = Names(docstring, symbols, classes, ordinary)
        self.learned: dict[str, str] = {}

    def find(self, content: MarkedText) -> list[Span]:
        """All mentions in a text, in order, none overlapping."""
        spans: list[Span] = []
        for match in NAME.finditer(content.text):
            spans += self._resolve(content, match)
        return spans

    def learn(self, content: MarkedText, slot: tuple[int, int] | None) -> None:
        """Take in what is marked, so that it is known without a mark."""
        if not content.marks and not slot:
            return
        for match in NAME.finditer(content.text):
            name = match.group()
            if slot and slot[0] <= match.start() < slot[1]:
                if name[0].isupper() and name in self.names.classes:
                    self.learned[name] = self.names.label_class(name)
            elif mark_at(content.marks, match.start()) is not None:
                for span in self._resolve(content, match):
                    self.learned[name] = span.label

    def doubtful(self, content: MarkedText) -> bool:
        """Whether a parameter named like an English word is there unmarked."""
        for match in NAME.finditer(content.text):
            if (
                match.group() in self.names.parameters
                and self.names.is_ordinary(match.group())
                and mark_at(content.marks, match.start()) is None
                and in_name_position(content.text, match)
            ):
                return True
        return False

    def _resolve(self, content: MarkedText, match: re.Match[str]) -> Iterator[Span]:
        mark = mark_at(content.marks, match.start())
        if mark is not None:
            label = self._label_marked(content.text, match, mark)
        else:
            label = self._label_plain(content.text, match)
        is_free = label == "PARAMETER" and mark is not None  # the n of "n-1"
        if label and (is_free or not is_part_of_compound(content.text, match)):
            yield Span(match.start(), match.end(), label)

    def _label_marked(self, text: str, match: re.Match[str], mark: Mark) -> str:
        if in_string(text, mark.start, match.start()):
            return ""
        called = CALL.match(text, match.end()) is not None
        whole = (match.start(), match.end()) == (mark.start, mark.end)
        told = SAID_TO_BE_FUNCTION.match(text, match.end()) is not None
        heads = match.start() == mark.start and (whole or called)
        return self.names.label_marked(
            match.group(), mark, heads=heads, called=called, told=told
        )

    def _label_plain(self, text: str, match: re.Match[str]) -> str:
        name = match.group()
        label = self.names.label_plain(name, called=text.startswith("()", match.end()))
        if label or name in self.names.parameters:
            return label
        # "Tensor" within a sentence is the class, "tensor" and "Set the ..." are words.
        is_word = name.lower() in self.names.ordinary
        if is_word and (name.islower() or starts_sentence(text, match.start())):
            return ""
        return self.learned.get(name, "")


ALIASES = frozenset(["np", "nx", "nn", "F", *PACKAGE_NAMES])
# `range(n)` means its numbers, `type(x)` a value; `tuple(int)` is a type.
VALUES_WHEN_CALLED = frozenset(["range", "type", "slice", "object"])
FUNCTION_ROLES = frozenset(["func", "meth", "method", "function"])
CLASS_ROLES = frozenset(["class", "exc", "exception"])
# Class names that also are words of a sentence.
WORDY_EXCEPTIONS = frozenset(["Warning", "Exception"])
CODE_LIKE = re.compile(r"_|[a-z][A-Z]|[A-Z]{2}[a-z]")


class Names:
    """Labels names by the syntax trees; "" means a name of unknown kind."""

    def __init__(
        self,
        docstring: Docstring,
        symbols: Symbols,
        classes: frozenset[str],
        ordinary: frozenset[str],
    ):
        package = docstring.package
        self.parameters = frozenset(docstring.parameters)
        self.symbols = symbols
        self.ordinary = ordinary
        self.classes = classes
        self.own_classes = symbols.classes[package]
        self.functions = symbols.functions[package]
        # Modules of the standard library have nothing to do with each other.
        unrelated = package == "python"
        self.public = set() if unrelated else symbols.public_functions[package]
        self.local = symbols.local_functions[docstring.module]
        self.attributes = symbols.attributes[docstring.module]
        self.modules = symbols.module_names[package]
        self.values = symbols.values[package]

    def label_marked(
        self, name: str, mark: Mark, *, heads: bool, called: bool, told: bool
    ) -> str:
        """A name inside of a mark.

        `heads`: the mark is about this name. `called`: brackets follow. `told`: the
        text calls it a function.
        """
        if mark.role == "raise":
            return "EXCEPTION" if self.symbols.is_exception(name) else ""
        if name in self.parameters:
            # a method may have the name of a parameter: `default()`
            return "FUNCTION" if told and name in self.local else "PARAMETER"
        if mark.role in ("attribute", "return", "math"):
            return ""
        if mark.role in FUNCTION_ROLES and heads:
            known = last_part(name) in self.classes
            return self.label_class(name) if known else "FUNCTION"
        if mark.role in CLASS_ROLES and heads:
            return self.label_class(name)
        if mark.role == "star" and not CODE_LIKE.search(name):
            return ""
        called = called or told or mark.role == "reference"
        return self._label_code(name, heads, called)

    def label_plain(self, name: str, *, called: bool) -> str:
        """A name without markup: only what cannot be an English word."""
        if name in self.parameters:
            return "" if self.is_ordinary(name) else "PARAMETER"
        last = last_part(name)
        if last in BUILTIN_EXCEPTIONS - WORDY_EXCEPTIONS:
            return "EXCEPTION"
        if name in UNMISTAKABLE_TYPES:
            return "TYPE"
        if called and last in self.functions:
            return "FUNCTION"
        is_class = last in self.classes
        if is_class and (called or (CODE_LIKE.search(last) and _is_capital(last))):
            return self.label_class(name)
        is_code_like = "_" in name.strip("_") and last not in self.attributes
        return "FUNCTION" if is_code_like and last in self.local else ""

    def label_class(self, name: str) -> str:
        """What kind of class a class's name means."""
        if self.symbols.is_exception(last_part(name)):
            return "EXCEPTION"
        return "TYPE" if name in BUILTIN_TYPES | GENERIC_TYPES else "CLASS"

    def is_ordinary(self, name: str) -> bool:
        """Whether a parameter's name also is a word of a sentence."""
        return name in "aAIs" if len(name) == 1 else name.lower() in self.ordinary

    def _label_code(self, name: str, heads: bool, called: bool) -> str:
        last = last_part(name)
        if self.symbols.is_exception(last) and _is_capital(last):
            return "EXCEPTION"
        if name == "None" or (name in VALUES_WHEN_CALLED and called):
            return ""
        if name in BUILTIN_TYPES or name in GENERIC_TYPES:
            return "TYPE"
        is_class = last in self.classes
        if is_class and len(last) > 2 and _is_capital(last):
            return "CLASS"
        if name in UNMISTAKABLE_TYPES:
            return "TYPE"
        if not heads or len(last) < 2:
            return ""
        if self._is_function(name, last, called):
            return "FUNCTION"
        return self.label_class(name) if called and is_class else ""

    def _is_function(self, name: str, last: str, called: bool) -> bool:
        if last not in self.functions:
            return False
        owner = last_part(name.rpartition(".")[0])
        if owner:
            known = owner in ALIASES or owner in self.modules
            return called or known or owner in self.classes
        if last in self.attributes or last in self.own_classes:
            return False
        is_value = last in self.values and last.lower() in self.ordinary
        near = last in self.local or last in self.public
        return called or (near and not is_value) or last not in self.values


def last_part(name: str) -> str:
    """`nn.functional.relu` -> `relu`."""
    return name.rsplit(".", 1)[-1]


def _is_capital(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


COMPARED = re.compile(
    r"\s?(=|==|!=|<|>|<=|>=) ?\S|\s(is|are) (None|True|False|not None|an? )"
)
CONDITION = re.compile(r"\b([Ii]f|[Ww]hen|unless|parameter|argument)\s+$")
VERB = re.compile(r"\s(is|are|must|should|has|contains)\b")


def mark_at(marks: tuple[Mark, ...], position: int) -> Mark | None:
    """The mark that covers an offset."""
    for mark in marks:
        if mark.start <= position < mark.end:
            return mark
    return None


def is_part_of_compound(text: str, match: re.Match[str]) -> bool:
    """The x of "x-axis", the dict of "dict-like"."""
    before, after = text[: match.start()][-2:], text[match.end() :][:2]
    return bool(re.fullmatch(r"-\w", after) or re.fullmatch(r"\w-", before))


def in_name_position(text: str, match: re.Match[str]) -> bool:
    """The word is used as a name: "if axis is None", "len(x)", without an article."""
    before = text[max(0, match.start() - 20) : match.start()]
    after = text[match.end() : match.end() + 20]
    if re.search(r"\w\($", before) or COMPARED.match(after):
        return True
    return bool(CONDITION.search(before) and VERB.match(after))


def in_string(text: str, start: int, position: int) -> bool:
    """Whether a quotation that began behind `start` is still open."""
    before = text[start:position]
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1


def starts_sentence(text: str, position: int) -> bool:
    """Whether a capital letter says nothing there."""
    return re.search(r"(^|[.:!?-]\s|[\"(])$", text[:position]) is not None
