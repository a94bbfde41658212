"""A name in a docstring -> what it names: a parameter, a type, a class, ..."""

from __future__ import annotations

import re

from .docstrings import Docstring
from .marked import Mark
from .symbols import BUILTIN_EXCEPTIONS, Symbols
from .type_names import BUILTIN_TYPES, GENERIC_TYPES, UNMISTAKABLE_TYPES

ALIASES = frozenset("np nx torch numpy sympy networkx transformers nn F tf".split())
#: `range(n)` stands for its numbers, `type(x)` for a value; `tuple(int)` is a type.
VALUES_WHEN_CALLED = frozenset(["range", "type", "slice", "object"])
FUNCTION_ROLES = frozenset(["func", "meth", "method", "function"])
CLASS_ROLES = frozenset(["class", "exc", "exception"])
#: Class names that also are words of a sentence.
WORDY_EXCEPTIONS = frozenset(["Warning", "Exception"])
CODE_LIKE = re.compile(r"_|[a-z][A-Z]|[A-Z]{2}[a-z]")


class Names:
    """Labels names by the syntax trees; "" stands for a name of unknown kind."""

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
        """What kind of class a class's name stands for."""
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
