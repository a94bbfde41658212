"""Docstrings of every style give the same kind of sentences and entries."""

from inspect import cleandoc

from demo_data.units import read_units

NUMPYDOC = """
Count the ducks on a pond.

    >>> count_ducks(pond)
    3

Ducks that dive are counted as well::

    dive()

Parameters
----------
pond : array_like, shape (n,)
    Where the ducks swim. Must not be frozen.
axis : int, optional
    The axis along which ducks are counted.

Returns
-------
ducks : int
    The number of ducks.

Raises
------
ValueError
    If the pond is frozen.

See Also
--------
count_geese : Counts geese.

=====  =====
Duck   Goose
=====  =====
"""

GOOGLE = """Count the ducks on a pond.

Args:
    pond (Tensor, optional): Where the ducks
        swim. Must not be frozen.
    *args: What else there is to count.

Returns:
    int: The number of ducks.

Raises:
    ValueError: If the pond is frozen.

The ducks are fed after counting them.
"""

MARKDOWN = """Count the ducks.

Args:
    pond (`torch.Tensor` of shape `(n, m)`, *optional*, defaults to `None`):
        Where the [`Duck`] objects swim.

```python
>>> count_ducks(pond)
```
"""

SPHINX = """Count the ducks on a pond.

:param int pond: Where the ducks swim.
:param axis: The axis of counting.
:raises ValueError: If the pond is frozen.
"""

STDLIB = """count_ducks(pond) -> int

Count the ducks that swim on *pond*.  If *pond* is
frozen, e.g. in winter, there are none.
 - Ducks that dive are counted.
"""


def texts(docstring: str) -> list[str]:
    return [unit.content.text for unit in read_units(cleandoc(docstring))]


def slots(docstring: str) -> list[str]:
    units = [unit for unit in read_units(cleandoc(docstring)) if unit.slot]
    return [unit.content.text[slice(*unit.slot)] for unit in units]


def test_numpydoc():
    assert texts(NUMPYDOC) == [
        "Count the ducks on a pond.",
        "pond : array_like, shape (n,) - Where the ducks swim.",
        "Must not be frozen.",
        "axis : int, optional - The axis along which ducks are counted.",
        "ducks : int - The number of ducks.",
        "Raises ValueError: If the pond is frozen.",
    ]
    assert slots(NUMPYDOC) == ["array_like, shape (n,)", "int, optional", "int"]


def test_google():
    assert texts(GOOGLE) == [
        "Count the ducks on a pond.",
        "pond (Tensor, optional): Where the ducks swim.",
        "Must not be frozen.",
        "args: What else there is to count.",
        "Returns int: The number of ducks.",
        "Raises ValueError: If the pond is frozen.",
        "The ducks are fed after counting them.",
    ]


def test_markdown_in_google_style():
    (entry,) = [unit for unit in read_units(MARKDOWN) if unit.slot]
    slot = "torch.Tensor of shape (n, m), optional, defaults to None"
    assert entry.content.text == f"pond ({slot}): Where the Duck objects swim."
    assert slots(MARKDOWN) == [slot]


def test_sphinx_fields():
    assert texts(SPHINX) == [
        "Count the ducks on a pond.",
        "pond (int): Where the ducks swim.",
        "axis: The axis of counting.",
        "Raises ValueError: If the pond is frozen.",
    ]


def test_standard_library():
    assert texts(STDLIB) == [
        "Count the ducks that swim on pond.",
        "If pond is frozen, e.g. in winter, there are none.",
        "Ducks that dive are counted.",
    ]


def test_an_unfinished_sentence_is_left_out():
    assert texts("Ducks swim on the pond. They are counted by:\n\nx = 3") == [
        "Ducks swim on the pond."
    ]


def test_prose_below_returns_stays_together():
    docstring = """Count them all on the pond.

    Returns:
        A number that says how many ducks
        there are on the pond.
    """
    assert texts(docstring)[1] == (
        "A number that says how many ducks there are on the pond."
    )
