"""What only the site needs; `.ci/run` runs it with the extra `docs`."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("griffe")
pytest.importorskip("tomllib")

HOOKS = Path(__file__).parents[2] / "scripts" / "docs_site.py"


@pytest.fixture(scope="module")
def docs_site():
    spec = importlib.util.spec_from_file_location("docs_site", HOOKS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_of_published_tables_by_hand(docs_site):
    first = "| a | b |\n|---|---|\n| x, 1 | 2 |\n| y | 3 |\n"
    text = f"{first}\ntext\n\n| c |\n|---|\n| xx |\n"
    assert docs_site.pick_rows(text, ["x, *"]) == "| a | b |\n|---|---|\n| x, 1 | 2 |"
    both = docs_site.pick_rows(text, ["y", "xx"]).split("\n\n")
    assert both == ["| a | b |\n|---|---|\n| y | 3 |", "| c |\n|---|\n| xx |"]
    with pytest.raises(ValueError, match="rows of z;"):
        docs_site.pick_rows(text, ["y", "z"])


def test_arguments_become_a_list(docs_site):
    docstring = "Adds.\n\nwidth: of it,\n    in pieces.\nfirst, second: texts."
    assert docs_site.make_lists(docstring) == (
        "Adds.\n\n- `width`: of it,\n    in pieces.\n- `first`, `second`: texts."
    )
