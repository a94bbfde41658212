"""Syntax trees -> docstrings with their parameters, and what each name means."""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from .packages import Module

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Docstring:
    """One docstring; `owner` is the class or module that it belongs to."""

    package: str
    module: str
    owner: str
    name: str
    text: str
    parameters: tuple[str, ...]


def read_docstrings(package: str, module: Module) -> Iterator[Docstring]:
    """The module's own docstring, then those of its classes, methods, functions."""
    text = ast.get_docstring(module.tree)
    if text:
        yield Docstring(package, module.name, "", "", text, ())
    yield from _walk(package, module, module.tree, "")


def iterate_definitions(
    body: ast.AST,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions and classes of a body, also those under `if` and `try`."""
    for node in ast.iter_child_nodes(body):
        if isinstance(node, ast.ClassDef) or isinstance(node, Function):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
            yield from iterate_definitions(node)


def signature_parameters(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
) -> tuple[str, ...]:
    """Names of the parameters as the signature has them, without self and cls."""
    spec = node.args
    args = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
    args += [arg for arg in (spec.vararg, spec.kwarg) if arg is not None]
    return tuple(arg.arg for arg in args if arg.arg not in ("self", "cls", "mcs"))


def class_parameters(node: ast.ClassDef) -> tuple[str, ...]:
    """Names of what the class is called with: `__init__`, `__new__` or its fields."""
    methods = {child.name: child for child in node.body if isinstance(child, Function)}
    for name in ("__init__", "__new__"):
        if name in methods:
            return signature_parameters(methods[name])
    if any("dataclass" in ast.dump(decorator) for decorator in node.decorator_list):
        return tuple(
            child.target.id
            for child in node.body
            if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
        )
    return ()


def _walk(
    package: str, module: Module, body: ast.AST, owner: str
) -> Iterator[Docstring]:
    for node in iterate_definitions(body):
        name = f"{owner}.{node.name}" if owner else node.name
        text = ast.get_docstring(node)
        if isinstance(node, ast.ClassDef):
            if text:
                parameters = class_parameters(node)
                yield Docstring(package, module.name, name, name, text, parameters)
            yield from _walk(package, module, node, name)
        elif text:
            parameters = signature_parameters(node)
            yield Docstring(package, module.name, owner, name, text, parameters)


BUILTIN_EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)


@dataclass
class Symbols:
    """What the trees define, by bare name; filled module by module."""

    # functions and methods, by package
    functions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # functions and methods, by module
    local_functions: dict[str, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    # functions outside of classes, by package
    public_functions: dict[str, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    # names of properties, fields and parameters, by package: never surely functions
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # names of properties, by module
    attributes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # classes, by package
    classes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # what the modules of a package import
    imports: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # bare class name -> bare names of its bases
    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # last components of module names, by package
    module_names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _exceptions: frozenset[str] | None = None

    def add(self, package: str, module: Module) -> None:
        """Take in the definitions of one module."""
        self._exceptions = None
        self.imports[package].update(module.imports)
        self.module_names[package].update(module.name.split(".")[1:])
        self._add_body(package, module.name, module.tree, in_class=False)

    def classes_seen_from(self, package: str) -> frozenset[str]:
        """Classes of the package, of those it imports and of the standard library."""
        seen = self.imports[package] | {package, "python"}
        return frozenset().union(*(self.classes[name] for name in sorted(seen)))

    def is_exception(self, name: str) -> bool:
        """Whether the class is, or is derived from, a builtin exception."""
        if self._exceptions is None:
            self._exceptions = self._find_exceptions()
        return name in self._exceptions

    def _find_exceptions(self) -> frozenset[str]:
        found = set(BUILTIN_EXCEPTIONS)
        n_before = 0
        while len(found) > n_before:  # until no class is added
            n_before = len(found)
            found.update(
                name
                for name, bases in self.bases.items()
                if not found.isdisjoint(bases)
            )
        return frozenset(found)

    def _add_body(
        self, package: str, module: str, body: ast.AST, *, in_class: bool
    ) -> None:
        for node in iterate_definitions(body):
            if isinstance(node, ast.ClassDef):
                self.classes[package].add(node.name)
                self.bases[node.name].update(map(_last_name, node.bases))
                self.values[package].update(class_parameters(node))
                self._add_body(package, module, node, in_class=True)
            elif _is_property(node):
                self.attributes[module].add(node.name)
                self.values[package].add(node.name)
            else:
                self.functions[package].add(node.name)
                self.local_functions[module].add(node.name)
                self.values[package].update(signature_parameters(node))
                if not in_class and not node.name.startswith("_"):
                    self.public_functions[package].add(node.name)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.dump(item) for item in node.decorator_list)
