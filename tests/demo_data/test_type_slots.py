"""A type slot is understood as a whole, or not at all."""

import pytest

from demo_data.type_slots import parse_type


def is_class(name: str) -> bool:
    return name in ("Tensor", "Graph", "Boat")


@pytest.mark.parametrize(
    ("slot", "expression", "types"),
    [
        ("int", "int", ["int"]),
        ("list of int or None", "list of int or None", ["list", "int", "None"]),
        ("array_like of shape (n,)", "array_like of shape (n,)", ["array_like"]),
        ("array_like, shape (n, m)", "array_like, shape (n, m)", ["array_like"]),
        (
            "Optional [Dict [str, Tensor]]",
            "Optional [Dict [str, Tensor]]",
            ["Dict", "str", "Tensor"],
        ),
        ("a Graph, optional", "Graph", ["Graph"]),
        ("bool (default = False)", "bool", ["bool"]),
        ("bool, Optional", "bool", ["bool"]),
        ("{'same', 'valid'}, optional", "{'same', 'valid'}", []),
        ("{int, None}", "{int, None}", ["int", "None"]),
        ("tuple (Tensor)", "tuple (Tensor)", ["tuple", "Tensor"]),
        ("(n, m) ndarray", "(n, m) ndarray", ["ndarray"]),
        ("torch.Tensor of shape (2, n), optional, defaults to 3",
         "torch.Tensor of shape (2, n)", ["torch.Tensor"]),
        ("str | int", "str | int", ["str", "int"]),
        ("2-D array", "2-D array", ["array"]),
    ],
)  # fmt: skip
def test_expression_and_types(slot, expression, types):
    parsed = parse_type(slot, is_class)
    assert parsed is not None
    assert slot[parsed.start : parsed.end] == expression
    assert [slot[start:end] for start, end in parsed.types] == types


@pytest.mark.parametrize(
    "slot",
    [
        "The number of ducks",
        "Pond",
        "integer, if positive, shift right",
        "optional",
        "of int",
        "list [unknown]",
        "",
    ],
)
def test_anything_else_is_no_type(slot):
    assert parse_type(slot, is_class) is None
