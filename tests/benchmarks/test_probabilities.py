"""The tables of `benchmarks.probabilities`, and what it trains."""

import spacy
from spacy.tokens import DocBin

from benchmarks.probabilities import suggestion
from benchmarks.probabilities.calibration import AFTER, BEFORE, THRESHOLDS
from benchmarks.probabilities.recipes import RECIPES, recipe_of
from benchmarks.probabilities.suggestion import RANDOM, SIZES, SUGGESTED
from benchmarks.probabilities.table import part_name, sections
from benchmarks.probabilities.weights import LOSSES, SCORES

ORIGIN = {"settings": {}, "machine": ["a machine"]}


def texts(parts):
    return {one.title: one.table for one in sections(parts) if one.parts}


def calibrated(error, temperature):
    return {
        "predictions": 10,
        "temperature": temperature,
        "calibration error": error,
        "log loss": 0.5,
        **{f"{what} from {t}": 50.0 for what in ("right", "kept") for t in THRESHOLDS},
        **ORIGIN,
    }


def test_before_and_after_lie_in_one_row():
    part = {
        BEFORE: {"0": calibrated(8.0, 1.0), "1": calibrated(6.0, 1.0)},
        AFTER: {"0": calibrated(2.0, 1.5), "1": calibrated(3.0, 1.7)},
    }
    table = texts({part_name("calibration", "SST-2"): part})["Calibration"]
    assert "| SST-2 | 10 ± 0 | 1.60 ± 0.10 | 7.0 ± 1.0 → 2.5 ± 0.5 |" in table
    # A run that was stopped between the two has no row.
    half = {part_name("calibration", "SST-2"): {BEFORE: part[BEFORE]}}
    assert "SST-2" not in texts(half)["Calibration"]


def test_sizes_are_compared():
    of = {
        RANDOM: {"0": {"F of 100": 10.0, "F of 3000": 40.0, **ORIGIN}},
        SUGGESTED: {"0": {"F of 100": 10.0, "F of 3000": 38.5, **ORIGIN}},
    }
    table = texts({part_name("suggestion", "WNUT-17"): of})["What to annotate next"]
    assert table.splitlines()[2:] == [
        "| 100 | 10.0 | 10.0 | +0.0 |",
        "| 3,000 | 40.0 | 38.5 | -1.5 |",
    ]


def test_nothing_measured_is_no_table():
    assert texts({}) == {}


def test_all_that_is_compared_has_a_recipe():
    assert {*LOSSES} == {*SCORES} <= {*RECIPES}
    assert recipe_of("SST-2", None) == RECIPES["SST-2"]
    assert recipe_of("SST-2", 3).n_steps == 3
    assert [*SIZES] == sorted(SIZES) and len(SIZES) >= 6


def test_each_size_has_that_of_before(tmp_path, monkeypatch):
    """Also at random, and nothing twice; the first are the same in both."""
    nlp = spacy.blank("xx")
    (tmp_path / "wnut17").mkdir()
    pool = [nlp.make_doc(f"the cat {i}") for i in range(20)]
    DocBin(docs=pool).to_disk(tmp_path / "wnut17" / "train.spacy")
    (tmp_path / "wnut17" / "test.spacy").touch()
    chosen = {}

    class Trained:
        def __init__(self, *_, label, change, **__):
            config = {"corpora": {"train": {}}}
            change(config)
            docs = DocBin().from_disk(config["corpora"]["train"]["path"])
            chosen[label] = [doc.text for doc in docs.get_docs(nlp.vocab)]

        def __enter__(self):
            return tmp_path / "model-best", {}

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(suggestion, "SIZES", (4, 7, 16))
    monkeypatch.setattr(suggestion, "trained", Trained)
    monkeypatch.setattr(suggestion, "evaluate", lambda *_: {"ents_f": 1.0})
    monkeypatch.setattr(suggestion.spacy, "load", lambda _: None)
    monkeypatch.setattr(suggestion, "_calibrate", lambda *_: None)
    monkeypatch.setattr(
        suggestion, "_suggested", lambda _, docs, n: [*reversed(docs)][:n]
    )
    for system in (RANDOM, SUGGESTED):
        scores = suggestion.measure_suggestion(system, 0, tmp_path, tmp_path)
        assert [*scores] == ["F of 4", "F of 7", "F of 16"]
    for system in (RANDOM, SUGGESTED):
        small, middle, large = (chosen[f", {system} {n}"] for n in (4, 7, 16))
        assert (len(small), len(middle), len(large)) == (4, 7, 16)
        assert {*small} < {*middle} < {*large} and len({*large}) == 16
    assert chosen[f", {RANDOM} 4"] == chosen[f", {SUGGESTED} 4"]
    assert chosen[f", {RANDOM} 7"] != chosen[f", {SUGGESTED} 7"]
