"""A syntax tree -> its docstrings, each with the parameters of what it documents."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .modules import Module

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
