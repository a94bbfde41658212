"""Results -> rows of the table."""

from collections.abc import Iterator
from typing import Any

Row = tuple[str, str, str, str, str, str]

_TRF, _ORT = "spacy-transformers", "ONNX Runtime"


def rows(results: dict[str, Any]) -> Iterator[Row]:
    """what, ours, the peer's name and number, the ratio, what was asked for."""
    for name, part in _PARTS.items():
        if name in results:
            yield from part(results[name])


def _predicting(part: dict[str, Any]) -> Iterator[Row]:
    for kind in ("sentences", "paragraphs", "articles"):
        words, limit = part[kind], part["limit, GFLOP/s"]
        for ours, peer, at_least in (
            ("ours", _TRF, 2.2),
            ("ours", _ORT, 1.0),
            ("ours int8", _TRF, 3.5),
            ("ours int8", f"{_ORT} int8", 1.1),
        ):
            what = f"{ours.removeprefix('ours')} words/s, {kind}".strip()
            yield _compared(what, words[ours], peer, words[peer], at_least)
        reached = words["ours, GFLOP/s"]
        what = f"GFLOP/s of matrix products, {kind}"
        yield _compared(what, reached, "products alone", limit, 0.8)


def _latency(part: dict[str, Any]) -> Iterator[Row]:
    for kind in ("10 words", "100 words"):
        for ours, peer in (
            ("ours", _TRF),
            ("ours", _ORT),
            ("ours int8", f"{_ORT} int8"),
        ):
            what = f"{ours.removeprefix('ours')} Docs/s one at a time, {kind}".strip()
            each = part[kind]
            yield _compared(what, 1000 / each[ours], peer, 1000 / each[peer], 1.0)


def _training(part: dict[str, Any]) -> Iterator[Row]:
    for kind, at_least in (("tweets", 2.2), ("paragraphs", 1.6)):
        what = f"nlp.update words/s, ner + textcat, {kind}"
        yield _compared(what, part[kind]["ours"], _TRF, part[kind][_TRF], at_least)


def _memory(part: dict[str, Any]) -> Iterator[Row]:
    for kind in ("prediction", "training"):
        for ours in part[kind]:
            if ours != _TRF:
                what = f"peak memory, MB, {kind}{ours.removeprefix('ours')}"
                mine, peers = (part[kind][name]["peak MB"] for name in (ours, _TRF))
                yield _compared(what, mine, _TRF, peers, 1.0, is_at_most=True)
    for kind, result in part.items():
        if kind.startswith("one Doc"):
            what = f"MB that {kind} adds, of which its vectors are the second number"
            yield (
                what,
                f"{result['grown MB']:.0f}",
                "",
                f"{result['vectors MB']:.0f}",
                "",
                "",
            )


def _startup(part: dict[str, Any]) -> Iterator[Row]:
    for ours in ("ours", "ours int8"):
        what = f"seconds to the first prediction{ours.removeprefix('ours')}"
        yield _compared(what, part[ours], _TRF, part[_TRF], 1.0, is_at_most=True)
        what = f"MB on disk{ours.removeprefix('ours')}"
        mine, peers = (part[f"{name}, MB on disk"] for name in (ours, _TRF))
        yield _compared(what, mine, _TRF, peers, 1.0, is_at_most=True)


def _growth(part: dict[str, Any]) -> Iterator[Row]:
    for kind, microseconds in part.items():
        if kind != "machine":
            yield f"microseconds a token, {kind}", f"{microseconds:.0f}", "", "", "", ""


def _quality(part: dict[str, Any]) -> Iterator[Row]:
    for kind, scores in part.items():
        if kind != "machine":
            difference = scores["int8"] - scores["fp32"]
            numbers = f"{scores['int8']:.1f}", "fp32", f"{scores['fp32']:.1f}"
            yield f"int8: {kind}", *numbers, f"{difference:+.1f}", "within 0.5"


def _compared(
    what: str,
    ours: float,
    peer: str,
    theirs: float,
    bound: float,
    *,
    is_at_most: bool = False,
) -> Row:
    asked = f"{'at most ' if is_at_most else ''}{bound:.1f}"
    return what, _number(ours), peer, _number(theirs), f"{ours / theirs:.2f}", asked


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


_PARTS = {
    "predicting": _predicting,
    "latency": _latency,
    "training": _training,
    "memory": _memory,
    "startup": _startup,
    "growth": _growth,
    "quality": _quality,
}
