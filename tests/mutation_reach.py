"""Which tests run which statement: probes in a copy of the package, and a plugin of
pytest that tells them the test. The plugin also runs chosen tests in a given order."""

import ast
import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROBE = """
import os

test = os.environ.get("MUTATION_TEST", "")
seen = set()
# Kept open and bound here: a test may replace what `os` has.
_write = os.write
_file = os.open(os.environ["MUTATION_HITS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def hit(number):
    if number not in seen:
        seen.add(number)
        _write(_file, f"{number}\\t{test}\\n".encode())
"""


class Probes(ast.NodeTransformer):
    """Call `hit` before each statement of a function. `places` gets (module, line)."""

    def __init__(self, module: str, places: list[tuple[str, int]]):
        self.module = module
        self.places = places
        self.depth = 0

    def insert(self, source: str, package: str) -> str:
        tree = self.visit(ast.parse(source))
        n_first = 0
        while n_first < len(tree.body) and _comes_first(tree.body[n_first]):
            n_first += 1
        imports = ast.parse(f"from {package}._probe import hit as _hit").body
        tree.body[n_first:n_first] = imports
        return ast.unparse(ast.fix_missing_locations(tree))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._at(self.depth + 1, node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._at(0, node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if self.depth and isinstance(statements, list):
                setattr(node, field, [*self._with_probes(statements)])
        return node

    def _at(self, depth: int, node: ast.AST) -> ast.AST:
        before, self.depth = self.depth, depth
        self.generic_visit(node)
        self.depth = before
        return node

    def _with_probes(self, statements: list[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in statements:
            if not _comes_first(statement):
                number = len(self.places)
                self.places.append((self.module, statement.lineno))
                yield ast.parse(f"_hit({number})").body[0]
            yield statement


def _comes_first(node: ast.stmt) -> bool:
    """A docstring, or what must be before all other imports."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.ImportFrom) and node.module == "__future__"


_nodeid = ""


def _tell(label: str) -> None:
    # A process that a test starts may serve those after it too.
    os.environ["MUTATION_TEST"] = label.partition("::")[0]
    probe = sys.modules.get(os.environ["MUTATION_PACKAGE"] + "._probe")
    if probe is not None:
        probe.test = label
        probe.seen.clear()


def _report(kind: str, nodeid: str, value: object = "") -> None:
    with open(os.environ["MUTATION_REPORT"], "a") as file:
        file.write(f"{kind}\t{value}\t{nodeid}\n")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "MUTATION_CHOSEN" in os.environ:
        chosen = Path(os.environ["MUTATION_CHOSEN"]).read_text().split("\n")
        order = {nodeid: i for i, nodeid in enumerate(chosen)}
        items[:] = [item for item in items if item.nodeid in order]
        items.sort(key=lambda item: order[item.nodeid])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item):
    if "MUTATION_CHOSEN" in os.environ:
        faulthandler.dump_traceback_later(
            float(os.environ["MUTATION_LIMIT"]), exit=True, file=sys.__stderr__
        )
    global _nodeid
    _nodeid = item.nodeid
    _report("started", _nodeid)
    _tell(_nodeid)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """What a shared fixture runs, it runs for all tests of the file."""
    if fixturedef.scope == "function":
        return (yield)
    _tell(_nodeid.partition("::")[0])
    try:
        return (yield)
    finally:
        _tell(_nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _report("took", report.nodeid, report.duration)
    if report.failed:
        _report("failed", report.nodeid)
