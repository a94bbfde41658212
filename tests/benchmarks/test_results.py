"""Published tables are what the committed results give."""

from benchmarks.readme import README, write_readme
from benchmarks.results import RESULTS, read_stores, write_results
from benchmarks.tables import Comparison, comparison_table, origins, seeds_table

MACHINE = {"machine": ["a CPU, 2 cores", "Python 3.11", "torch 2, onnx not installed"]}


def test_published_tables_are_what_the_command_writes():
    text = RESULTS.read_text(encoding="utf8")
    stores = read_stores(RESULTS.parent)
    assert text == write_results(stores), "run python -m benchmarks.results"
    readme = README.read_text(encoding="utf8")
    assert readme == write_readme(readme, stores), "run python -m benchmarks.results"


def test_ratios_by_hand():
    row = {"ours": {"words/s": 1300.0}, "peer": {"words/s": 520.0}}
    speed = Comparison("speed", "words/s", (("ours", "peer"),))
    table = comparison_table({"speed": {"tweets": row}}, [speed])
    assert table.splitlines()[2:] == [
        "| words/s, tweets | ours | 1,300 | peer | 520 | 2.50 |"
    ]


def test_differences_by_hand():
    row = {"ours": {"loss": 4.5}, "peer": {"loss": 6.25}}
    loss = Comparison(
        part="losses",
        key="loss",
        pairs=(("ours", "peer"),),
        digits=2,
        is_difference=True,
    )
    table = comparison_table({"losses": {"pairs": row}}, [loss])
    assert table.splitlines()[2:] == [
        "| loss, pairs | ours | 4.50 | peer | 6.25 | -1.75 |"
    ]


def test_a_number_without_a_peer_has_no_ratio():
    growth = Comparison("growth", "seconds", (("ours", None),))
    table = comparison_table(
        {"growth": {"10 Docs": {"ours": {"seconds": 2.0}}}}, [growth]
    )
    assert table.splitlines()[2:] == ["| seconds, 10 Docs | ours | 2.0 |  |  |  |"]


def test_seeds_by_hand():
    """The mean of 30, 31 and 35 is 32, half of their range 2.5. Seeds 0 and 1 of the
    peer are 28 and 27: the differences are 2 and 4. Ours takes 3 / 6 of its minutes
    and 4 / 4."""
    ours = {"0": (30.0, 3.0), "1": (31.0, 4.0), "2": (35.0, 2.0)}
    peer = {"0": (28.0, 6.0), "1": (27.0, 4.0)}
    systems = {
        name: {seed: {"F": f, "minutes": m} for seed, (f, m) in runs.items()}
        for name, runs in {"ours": ours, "peer": peer}.items()
    }
    table = seeds_table(
        {"data": systems}, {"data": {"F": 1}}, peers=("peer",), minutes="minutes"
    )
    assert table.splitlines()[2:] == [
        "| data | F | ours | 32.0 ± 2.5 | 30.0, 31.0, 35.0 | +3.0 | 3.0 | 0.75 |",
        "| data | F | peer | 27.5 ± 0.5 | 28.0, 27.0 |  | 5.0 |  |",
    ]


def test_origins_name_each_machine_and_source_once():
    copied = {**MACHINE, "source": "copied"}
    parts = {"part": {"row": {"a": MACHINE, "b": MACHINE, "c": copied}}}
    machine = "- a CPU, 2 cores, Python 3.11, torch 2"
    assert origins(parts).splitlines() == [machine, f"{machine}; copied"]
