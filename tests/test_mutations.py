"""The mutations that `mutations.py` makes, and what it says of them."""

import ast
from pathlib import Path

import mutation_reach
import mutations
import pytest
from mutation_places import draw, find_mutations, find_optional
from mutations import (
    Equivalent,
    Reach,
    find_all,
    find_stale,
    measure_reach,
    try_mutation,
)

TOY = """
def is_small(number, *, limit=10):
    if number < 0:
        raise ValueError(f"{number + 1} is below 0")
    return number <= limit


def count_down(number):
    while number > 0:
        number -= 1
    return number


def unused(number):
    return number + 1
"""
TOY_TEST = """
from toy.numbers import count_down, is_small


def test_ten_is_small():
    assert is_small(10)


def test_eleven_is_not_small():
    assert not is_small(11)


def test_it_counts_down_to_0():
    assert count_down(3) == 0
"""


@pytest.mark.parametrize(
    "source, operator, mutated",
    [
        ("a < b", "comparison", "a >= b"),
        ("a < b", "boundary", "a <= b"),
        ("a - b", "arithmetic", "a + b"),
        ("n += 1", "arithmetic", "n -= 1"),
        ("a and b", "and/or", "(a or b)"),
        ("not (a or b)", "sign", "(a or b)"),
        ("n = 3", "constant", "n = 4"),
        ("x = 0.5", "constant", "x = 1.0"),
        ("f(1)", "call deleted", "pass"),
        ("x = a if b else c", "condition", "x = a if False else c"),
        ("x = [a for a in b if a]", "condition", "x = [a for a in b if True]"),
        ("f(a, dtype=b)", "keyword dropped", "f(a)"),
        ("def f(a): return a", "returned", "def f(a): return None"),
        ("def f(a): return a < b", "returned", "def f(a): return not (a < b)"),
        ("for a in b: break", "break", "for a in b: continue"),
    ],
)
def test_an_operator_changes_the_source(source, operator, mutated):
    assert (operator, mutated) in {
        (mutation.operator, mutation.apply(source.encode()).decode())
        for mutation in find_mutations("toy.py", source.encode(), {})
    }


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 and 2."""',
        "x: Literal[1, 2]",
        "def f(x: Literal[1]) -> Literal[2]: ...",
        "raise ValueError(1 + 1)",
        'f"{1 + 1}"',
        "if TYPE_CHECKING: f(1)",
        "@dataclass(frozen=True)\nclass A: ...",
        "zip(a, b, strict=True)",
    ],
)
def test_what_is_no_behaviour_is_left_out(source):
    found = find_mutations("toy.py", source.encode(), {})
    assert {mutation.operator for mutation in found} <= {"call deleted"}


def test_a_required_keyword_is_kept():
    source = "def f(*, a, b=1): ...\nf(a=2, b=2)"
    optional = find_optional([ast.parse(source)])
    dropped = [
        mutation.mutated
        for mutation in find_mutations("toy.py", source.encode(), optional)
        if mutation.operator == "keyword dropped"
    ]
    assert dropped == ["f(a=2)"]


def test_a_default_counts_if_the_function_is_called():
    (default,) = find_mutations("toy.py", b'def f(n=1):\n    """F."""\n    print', {})
    assert default.statement == 3


def test_a_seed_draws_the_same_of_each_part():
    parts = [
        find_mutations(f"{name}.py", TOY.encode(), {}) for name in ("small", "large")
    ]
    drawn = draw(parts, n=6, seed=0)
    assert drawn == draw(parts, n=6, seed=0) != draw(parts, n=6, seed=1)
    assert [mutation.module for mutation in drawn] == ["small.py", "large.py"] * 3
    assert len({mutation.operator for mutation in drawn[::2]}) == 3


def test_a_listed_mutation_that_is_gone_is_stale(toy_project):
    gone = Equivalent("toy/numbers.py", "a < b", "a <= b", "a is never b")
    (part,) = find_all(toy_project, "toy", ["."])
    there = Equivalent(part[0].module, part[0].line, part[0].mutated, "for the test")
    assert find_stale([gone, there], part) == [gone]


def test_a_mutation_is_not_killed_if_no_test_ran(toy_project):
    mutation = find_all(toy_project, "toy", ["."])[0][0]
    name = "tests/test_toy.py::test_that_is_gone"
    tests = {mutation.module: {str(mutation.statement): [name]}}
    outcome = try_mutation(toy_project, "toy", mutation, Reach(tests, {name: 0.1}))
    assert outcome == ("survived", "no test ran")


@pytest.fixture
def toy_project(tmp_path):
    for name, text in {
        "toy/__init__.py": "",
        "toy/numbers.py": TOY,
        "tests/test_toy.py": TOY_TEST,
        "tests/mutation_reach.py": Path(mutation_reach.__file__).read_text(),
    }.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


@pytest.mark.slow
def test_what_no_test_notices_survives(toy_project, monkeypatch):
    """By hand: no test asks for a number below 0, nor for `unused`, and who counts up
    never gets to 0."""
    monkeypatch.setattr(mutations, "SECONDS_PER_TEST", 5.0)
    (part,) = find_all(toy_project, "toy", ["."])
    reach = measure_reach(toy_project, "toy", [])
    outcomes = {
        mutation.mutated: try_mutation(toy_project, "toy", mutation, reach)
        for mutation in part
        if mutation.operator in ("boundary", "arithmetic")
    }
    ten, down = (
        f"tests/test_toy.py::test_{name}"
        for name in ("ten_is_small", "it_counts_down_to_0")
    )
    assert outcomes == {
        "if number <= 0:": ("survived", "2 tests pass"),
        "return number < limit": ("killed", ten),
        "while number >= 0:": ("killed", down),
        "number += 1": ("killed", down),
        "return number - 1": ("survived", "no test runs it"),
    }
    assert (toy_project / "toy/numbers.py").read_text() == TOY
