"""Markup goes, its content stays, and the marks lie where it was."""

import pytest

from demo_data.markup import strip_markup


def marked(raw: str) -> tuple[str, list[tuple[str, str]]]:
    stripped = strip_markup(raw)
    assert stripped is not None
    text = stripped.text
    return text, [(text[mark.start : mark.end], mark.role) for mark in stripped.marks]


@pytest.mark.parametrize(
    ("raw", "text", "marks"),
    [
        ("Use ``x`` and `y`.", "Use x and y.", [("x", "code"), ("y", "code")]),
        ("If *timeout* is set.", "If timeout is set.", [("timeout", "star")]),
        ("It is *very* **bold**.", "It is very bold.", [("very", "star")]),
        ("A :class:`~a.b.Boat`.", "A Boat.", [("Boat", "class")]),
        ("See :py:func:`.sail`.", "See sail.", [("sail", "func")]),
        ("A :class:`boat <a.Boat>`.", "A boat.", [("boat", "class")]),
        ("Inherits from [`~a.Boat`].", "Inherits from Boat.", [("Boat", "reference")]),
        ("Read [the book](https://x.org/y).", "Read the book.", []),
        ("A node $v$ of :math:`G`.", "A node v of G.", [("v", "math"), ("G", "math")]),
        ("As shown [1]_ by *args.", "As shown by args.", []),
        ("With `axis=0` set.", "With axis = 0 set.", [("axis = 0", "code")]),
        ("See PEP: :pep:`8`.", "See PEP: PEP 8.", []),
    ],
)
def test_markup_becomes_marks(raw, text, marks):
    assert marked(raw) == (text, marks)


@pytest.mark.parametrize(
    "raw",
    [
        r"The sum :math:`\sum_i x_i` of all.",
        "See https://example.org for more.",
        "A |substitution| here.",
        "Filled by ${DOC} later.",
        "See :ref:`some-label` there.",
    ],
)
def test_what_cannot_be_read_without_markup_is_refused(raw):
    assert strip_markup(raw) is None
