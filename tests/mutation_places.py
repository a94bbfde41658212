"""What can be mutated: a module's source -> Mutations, of which a seed draws some.

Left out: strings, annotations, decorators, the texts of errors and f-strings, and what
is imported for the type checker alone.
"""

import ast
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, zip_longest

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
SHIFTED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
UNSEEN_FIELDS = {"annotation", "returns", "decorator_list"}
UNSEEN_NODES = (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One change of one module.

    module: its path, from the root of the project.
    index: number among the module's mutations.
    line, mutated: the source's lines before and after it, with single spaces.
    start, end, text: bytes of the source, and what they become.
    statement: first line of the statement that must run for the change to matter; 0 if
        that is an import of the module.
    """

    module: str
    index: int
    operator: str
    line: str
    mutated: str
    start: int
    end: int
    text: str
    statement: int

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]


def find_mutations(
    module: str, source: bytes, optional: dict[str, set[str]]
) -> list[Mutation]:
    """optional: as `find_optional` returns it."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = []
    for node, statement in _walk(ast.parse(source), 0):
        for operator, target, text in _changes(node, optional):
            start = starts[target.lineno - 1] + target.col_offset
            end = starts[target.end_lineno - 1] + target.end_col_offset
            before = source[starts[target.lineno - 1] : start].decode()
            after = source[end : starts[target.end_lineno]].decode()
            mutation = Mutation(
                module=module,
                index=len(found),
                operator=operator,
                line=_squeeze(before + source[start:end].decode() + after),
                mutated=_squeeze(before + text + after),
                start=start,
                end=end,
                text=text,
                statement=statement,
            )
            found.append(mutation)
    return found


def draw(parts: Iterable[Iterable[Mutation]], *, n: int, seed: int) -> list[Mutation]:
    """n of them: one of each part in turn, and in a part one of each operator in turn,
    so that what is frequent and easily noticed does not fill the draw."""

    def rank(mutation: Mutation) -> bytes:
        return sha256(f"{seed} {mutation.module} {mutation.index}".encode()).digest()

    def interleave(part: Iterable[Mutation]) -> list[Mutation]:
        of_operator: dict[str, list[Mutation]] = {}
        for mutation in sorted(part, key=rank):
            of_operator.setdefault(mutation.operator, []).append(mutation)
        return _in_turn(of_operator.values())

    return _in_turn(interleave(part) for part in parts)[:n]


def _in_turn(groups: Iterable[Iterable[Mutation]]) -> list[Mutation]:
    rounds = chain.from_iterable(zip_longest(*groups))
    return [mutation for mutation in rounds if mutation is not None]


def find_optional(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The arguments that have defaults, of each function and class of the project. If
    two have one name: of both."""
    found: dict[str, set[str]] = {}
    for node in chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.FunctionDef):
            _note(found, node.name, _with_default(node.args))
        elif isinstance(node, ast.ClassDef):
            names = {
                part.target.id
                for part in node.body
                if isinstance(part, ast.AnnAssign) and part.value is not None
            }
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    names = _with_default(part.args)
            _note(found, node.name, names)
    return found


def _note(found: dict[str, set[str]], name: str, names: set[str]) -> None:
    found[name] = found[name] & names if name in found else names


def _with_default(args: ast.arguments) -> set[str]:
    positional = [*args.posonlyargs, *args.args]
    named = positional[len(positional) - len(args.defaults) :] + [
        arg
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
        if default is not None
    ]
    return {arg.arg for arg in named}


def _walk(node: ast.AST, statement: int) -> Iterator[tuple[ast.AST, int]]:
    """Each node that may be mutated, with the line of its statement."""
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if (
                not isinstance(child, ast.AST)
                or isinstance(child, UNSEEN_NODES)
                or field in UNSEEN_FIELDS
                or _is_for_types(child)
                or _is_check(child)
            ):
                continue
            inner = statement
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # A default counts if the function is called.
                inner = first_statement(node).lineno if field == "args" else statement
                if field == "body":
                    inner = child.lineno
            elif statement and isinstance(child, ast.stmt):
                inner = child.lineno
            yield child, inner
            yield from _walk(child, inner)


def first_statement(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    """After the docstring, if there is more."""
    has_docstring = ast.get_docstring(node) is not None and len(node.body) > 1
    return node.body[has_docstring]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _is_check(node: ast.AST) -> bool:
    """`strict` of zip checks what the code around it promises."""
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _changes(
    node: ast.AST, optional: dict[str, set[str]]
) -> Iterator[tuple[str, ast.AST, str]]:
    """(operator, what it replaces, with which text)"""
    match node:
        case ast.Compare():
            for name, table in (("comparison", SWAPPED), ("boundary", SHIFTED)):
                for i, op in enumerate(node.ops):
                    if type(op) in table:
                        ops = [*node.ops]
                        ops[i] = table[type(op)]()
                        yield name, node, _unparse(node, ops=ops)
        case ast.BinOp() | ast.AugAssign() if type(node.op) in SWAPPED:
            yield "arithmetic", node, _unparse(node, op=SWAPPED[type(node.op)]())
        case ast.BoolOp():
            text = _unparse(node, op=SWAPPED[type(node.op)]())
            yield "and/or", node, f"({text})"
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "sign", node, f"({ast.unparse(node.operand)})"
        case ast.Constant(value=bool()):
            yield "constant", node, str(not node.value)
        case ast.Constant(value=int()):
            yield "constant", node, str(node.value + 1)
        case ast.Constant(value=float()):
            yield "constant", node, str(2 * node.value or 1.0)
        case ast.Expr(value=ast.Call()):
            yield "call deleted", node, "pass"
        case ast.If() | ast.IfExp():
            yield "condition", node.test, "True"
            yield "condition", node.test, "False"
        case ast.comprehension():
            for test in node.ifs:
                yield "condition", test, "True"
        case ast.Return(value=ast.Compare() | ast.BoolOp()):
            yield "returned", node.value, f"not ({ast.unparse(node.value)})"
        case ast.Return(value=ast.AST()) if not isinstance(node.value, ast.Constant):
            yield "returned", node.value, "None"
        case ast.Break():
            yield "break", node, "continue"
        case ast.Continue():
            yield "break", node, "break"
    if isinstance(node, ast.Call):
        callee = node.func
        if ast.unparse(callee) == "partial":
            callee = node.args[0]
        name = ast.unparse(callee).rpartition(".")[2]
        for keyword in node.keywords:
            known = optional.get(name, {keyword.arg})
            if keyword.arg in known - {None} and not _is_check(keyword):
                kept = [other for other in node.keywords if other is not keyword]
                yield "keyword dropped", node, _unparse(node, keywords=kept)


def _unparse(node: ast.AST, **changes: object) -> str:
    changed = copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return ast.unparse(changed)


def _squeeze(text: str) -> str:
    return " ".join(text.split())
