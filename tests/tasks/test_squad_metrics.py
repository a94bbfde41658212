"""SQuAD's and CMRC's scores, worked by hand."""

import pytest

from spacy_bert.tasks.qa import cmrc_metrics, squad_metrics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat's\n(a) hat!", "cats hat"),
        ("another theme", "another theme"),
        ("U.S. and-or", "us andor"),
        ("«Été»", "«été»"),
        ("the", ""),
    ],
)
def test_normalization(text, expected):
    assert squad_metrics.normalize(text) == expected


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("The Eiffel Tower.", ["eiffel tower"], 1.0, 1.0),
        # 2 of 3 words shared with 2 of 2: P = 2/3, R = 1.
        ("big Eiffel Tower", ["Eiffel Tower"], 0.0, 0.8),
        # The nearest of the golds counts: P = 1, R = 1/2 against P = 1, R = 1/3.
        ("Paris", ["in central Paris", "near Paris"], 0.0, 2 / 3),
        # A word counts as often as both have it.
        ("no no no", ["no no"], 0.0, 0.8),
        ("Rome", ["Paris"], 0.0, 0.0),
        ("", ["Paris"], 0.0, 0.0),
        # Without an answer, all or nothing.
        ("", [], 1.0, 1.0),
        ("the", [], 1.0, 1.0),
        ("Paris", [], 0.0, 0.0),
        ("", ["!"], 1.0, 1.0),
        # A gold that is empty once normalized is none, next to one that is not.
        ("", ["a", "Paris"], 0.0, 0.0),
    ],
)
def test_squad(answer, golds, exact, f1):
    assert squad_metrics.exact_match(answer, golds) == exact
    assert squad_metrics.f1(answer, golds) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("光荣和ω-force", ["光荣和Ωforce"], 1.0, 1.0),
        ("《战国》", ["战国"], 1.0, 1.0),
        # The longest run counts, not all that is shared: 2 of 4, 2 of 5.
        ("战国无双", ["战国的无双"], 0.0, 4 / 9),
        # A word of another script is one unit, as a character is: 2 of 2, 2 of 3.
        ("用 Python", ["用 python 写"], 0.0, 0.8),
        ("一九六三", ["1963年", "一九六三年"], 0.0, 8 / 9),
        ("", ["战国"], 0.0, 0.0),
        ("", [], 1.0, 1.0),
    ],
)
def test_cmrc(answer, golds, exact, f1):
    assert cmrc_metrics.exact_match(answer, golds) == exact
    assert cmrc_metrics.f1(answer, golds) == pytest.approx(f1)
