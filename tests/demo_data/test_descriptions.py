"""Hand-worked docstrings: every mention with its label, and no other."""

import pytest
from demo_packages import make_docstring

from demo_data.docstrings import Symbols
from demo_data.labels import Describer, LabelledUnit
from demo_data.units import read_units

ORDINARY = frozenset(["axis", "pond", "boat", "sail"])


def label(symbols: Symbols, text: str) -> list[LabelledUnit | None]:
    docstring = make_docstring(text)
    return list(Describer(symbols, ORDINARY).label(docstring, read_units(text)))


def entities(unit: LabelledUnit | None) -> list[tuple[str, str]]:
    assert unit is not None
    return [(unit.text[span.start : span.end], span.label) for span in unit.entities]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Count what swims on `pond` as `find_bridge` does.",
            [("pond", "PARAMETER"), ("find_bridge", "FUNCTION")],
        ),
        (
            "A :class:`~torch.Boat` raises :exc:`RiverError` at :meth:`Boat.sail`.",
            [("Boat", "CLASS"), ("RiverError", "EXCEPTION"), ("Boat.sail", "FUNCTION")],
        ),
        (
            "Raises ValueError where *pond* holds no ``int`` at all.",
            [("ValueError", "EXCEPTION"), ("pond", "PARAMETER"), ("int", "TYPE")],
        ),
        # min_size is no English word and so the parameter, also without markup
        (
            "With `True`, ducks below min_size along the axis are counted.",
            [("min_size", "PARAMETER")],
        ),
        # known by its mark, the class is found again where it is not marked
        (
            "A `Boat` may carry another Boat over the boat race.",
            [("Boat", "CLASS"), ("Boat", "CLASS")],
        ),
        # the text says that it is a method
        (
            "The `sail` method of a boat and `find_bridge()` help to count.",
            [("sail", "FUNCTION"), ("find_bridge", "FUNCTION")],
        ),
        ("Set `axis=0` to count rows of ducks.", [("axis", "PARAMETER")]),
        ('Say `"axis"` to count rows of ducks.', []),
        ("The `axis`-like thing has an x-axis too.", [("axis", "PARAMETER")]),
    ],
)
def test_mentions(symbols, text, expected):
    (unit,) = label(symbols, text)
    assert entities(unit) == expected


def test_an_entry_has_its_parameter_and_its_types(symbols):
    text = "Count the `pond` of ducks.\n\n"
    text += "Args:\n    pond (list[Boat] or None): Where ducks swim."
    unit = label(symbols, text)[-1]
    assert unit is not None
    assert unit.text == "pond (list [Boat] or None): Where ducks swim."
    assert entities(unit) == [
        ("pond", "PARAMETER"),
        ("list", "TYPE"),
        ("Boat", "CLASS"),
        ("None", "TYPE"),
    ]
    spans = {(unit.text[span.start : span.end], span.label) for span in unit.types}
    assert spans == {
        ("list [Boat] or None", "TYPE_EXPR"),
        ("list", "TYPE"),
        ("Boat", "TYPE"),
        ("None", "TYPE"),
    }


def test_docstrings_without_markup_are_left_out(symbols):
    assert label(symbols, "Count the ducks on this pond, whatever they do.") == []


@pytest.mark.parametrize(
    "sentence",
    [
        "If axis is None, ducks are counted everywhere.",  # the parameter, unmarked
        "Look at `a long piece of code (that, nobody, would, have, to, ever, read)`.",
    ],
)
def test_doubtful_sentences_leave_a_gap(symbols, sentence):
    assert label(symbols, f"The `pond` is wide and deep. {sentence}")[-1] is None


@pytest.mark.parametrize("entry", ["lake (int)", "pond (the wide one)"])
def test_entries_that_are_not_understood_leave_a_gap(symbols, entry):
    text = f"Count the `pond` of ducks.\n\nArgs:\n    {entry}: Where the ducks swim."
    assert label(symbols, text)[-1] is None
