"""Results -> rows of the table."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import mean

from ..store import Result

Row = tuple[str, str, str, str, str, str]
# By the name of the system.
Runs = dict[str, Result]

_PEER = "transformers, Trainer"
# Times the peer's pieces a second.
_SPEEDS = {"L4 H256": "3.0", "L6 H384": "2.0"}
_BATCHES = {"peer": "the same batches", "peer, grouped": "the peer's by length"}
_FORMS = ("pairs", "segments", "blocks")


def rows(parts: dict[str, dict[str, Runs]]) -> Iterator[Row]:
    """what, ours, the peer's name and number, how they compare, what was asked for."""
    for part, show in _PARTS.items():
        for row, runs in parts.get(part, {}).items():
            yield from show(row, runs)


def _speed(row: str, runs: Runs) -> Iterator[Row]:
    run = runs["all"]
    ours = run["ours"]
    limit = f"{ours['limit, FLOP/s'] / 1e9:.0f} GFLOP/s"
    asked = _SPEEDS.get(row.split(",")[0], "")
    for name, how in _BATCHES.items():
        peer = run[name]
        what = f"real pieces/s, {row}; {how}, {peer['padding']:.0%} padding"
        rates = [f"{one['pieces/s']:,.0f}" for one in (ours, peer)]
        times = f"{ours['pieces/s'] / peer['pieces/s']:.2f}"
        yield what, rates[0], _PEER, rates[1], times, asked
        what = f"share of the products' rate ({limit}), {row}; {how}"
        shares = [f"{one['share of limit']:.0%}" for one in (ours, peer)]
        yield what, shares[0], _PEER, shares[1], "", "70%"


def _losses(row: str, runs: Runs) -> Iterator[Row]:
    if runs.keys() >= {"ours", "peer"}:
        for form in _FORMS:
            ours, peer = (runs[name][form] for name in ("ours", "peer"))
            what = f"held-out MLM loss, {form}, {row}"
            numbers = f"{ours:.3f}", f"{_PEER}, run_mlm", f"{peer:.3f}"
            yield what, *numbers, f"{ours - peer:+.3f}", "-0.3"
        ours, peer = (runs[name]["pieces"] for name in ("ours", "peer"))
        numbers = f"{ours:,}", f"{_PEER}, run_mlm", f"{peer:,}"
        yield f"pieces until then, {row}", *numbers, f"{ours / peer:.2f}", ""


def _downstream(row: str, runs: Runs) -> Iterator[Row]:
    scores = defaultdict(list)
    for name, run in runs.items():
        scores[name.split(",")[0]].append(run["score"])
    names = {"peer": f"{_PEER}, run_mlm", "random": "random weights"}
    for system, name in names.items():
        if scores["ours"] and scores[system]:
            ours, other = mean(scores["ours"]), mean(scores[system])
            what = f"{row}, seeds: {len(scores['ours'])}"
            difference = f"{ours - other:+.1f}"
            yield what, f"{ours:.1f}", name, f"{other:.1f}", difference, "above 0"


def _indexing(row: str, runs: Runs) -> Iterator[Row]:
    asked = {"seconds": "below 1", "peak MB": "at most 0.33", "disk MB": "at most 0.5"}
    once = [name for name in runs if name != "datasets, 1 x" and name.endswith(" 1 x")]
    for name in once if "datasets, 1 x" in runs else ():
        for key, bound in asked.items():
            what = f"index of wiki_en: {key}, {name}"
            peer = runs["datasets, 1 x"][key]
            yield _share(what, runs[name][key], "datasets", peer, bound)
    for name in runs:
        if name.startswith("ours, ") and name[6].isdigit() and name not in once:
            peaks = runs[name]["peak MB"], runs["ours, 1 x"]["peak MB"]
            what = f"index: peak MB, text {name.removeprefix('ours, ')}"
            yield _share(what, peaks[0], "ours, 1 x", peaks[1], "at most 1.1")


def _share(what: str, ours: float, name: str, other: float, asked: str) -> Row:
    return what, f"{ours:.1f}", name, f"{other:.1f}", f"{ours / other:.2f}", asked


_PARTS = {
    "speed": _speed,
    "losses": _losses,
    "indexing": _indexing,
    "downstream": _downstream,
}
