"""What the store keeps, replaces and merges."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from benchmarks.store import Store, read_parts


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.json"


def measure_score(store, score, *, system="ours", steps=100):
    settings = {"steps": steps}
    store.once("part", "row", system, settings, lambda: {"score": score})
    return store.parts["part"]["row"][system]


def test_keeps_what_was_measured(path):
    measure_score(Store(path), 1.0)
    assert measure_score(Store(path), 2.0)["score"] == 1.0


def test_measures_again_under_other_settings(path):
    measure_score(Store(path), 1.0)
    assert measure_score(Store(path), 2.0, steps=200)["score"] == 2.0
    kept = read_parts(path)["part"]["row"]["ours"]
    assert (kept["score"], kept["settings"]) == (2.0, {"steps": 200})


def test_measures_again_if_asked(path):
    measure_score(Store(path), 1.0)
    assert measure_score(Store(path, again=True), 2.0)["score"] == 2.0


def test_replaces_what_was_transcribed(path):
    store = Store(path)
    copied = {"score": 1.0, "source": "copied from a text"}
    store.once("part", "row", "ours", {"steps": 100}, lambda: copied)
    assert "source" not in measure_score(Store(path), 2.0)


def test_says_what_it_was_measured_on(path):
    assert "spacy-bert" in measure_score(Store(path), 1.0)["machine"][-1]


def test_keeps_other_systems(path):
    measure_score(Store(path), 1.0, system="ours")
    measure_score(Store(path), 2.0, system="peer")
    row = read_parts(path)["part"]["row"]
    assert {name: one["score"] for name, one in row.items()} == {"ours": 1, "peer": 2}


def test_a_row_is_measured_whole(path):
    measure_score(Store(path), 1.0, system="gone")
    row = {"ours": {"score": 3.0}, "peer": {"score": 4.0}}
    Store(path).row_once("part", "row", {"steps": 200}, lambda: row)
    kept = read_parts(path)["part"]["row"]
    assert {name: one["score"] for name, one in kept.items()} == {"ours": 3, "peer": 4}


def test_a_part_is_measured_whole(path):
    measure_score(Store(path), 1.0)
    Store(path).part_once("part", {}, lambda: {"new": {"ours": {"score": 3.0}}})
    assert read_parts(path)["part"].keys() == {"new"}


def test_rows_and_parts_are_measured_again_under_other_settings(path):
    for n_rounds, score, kept in ((3, 1.0, 1.0), (3, 2.0, 1.0), (5, 3.0, 3.0)):
        store, settings = Store(path), {"rounds": n_rounds}
        row = {"ours": {"score": score}}
        store.row_once("part", "row", settings, lambda row=row: row)
        store.part_once("whole", settings, lambda row=row: {"row": row})
        for part in ("part", "whole"):
            assert store.parts[part]["row"]["ours"]["score"] == kept


def test_what_two_threads_measure_both_stays(path):
    store, both_measured = Store(path), Barrier(2)

    def measure():
        both_measured.wait(timeout=10)
        return {"score": 1.0}

    names = [f"system {number}" for number in range(40)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: store.once("part", "row", n, {}, measure), names))
    assert read_parts(path)["part"]["row"].keys() == set(names)


def test_what_two_commands_measure_both_stays(path):
    one, other = Store(path), Store(path)
    measure_score(one, 1.0, system="ours")
    measure_score(other, 2.0, system="peer")
    assert read_parts(path)["part"]["row"].keys() == {"ours", "peer"}
