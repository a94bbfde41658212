"""Stored results -> Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from .store import Parts, Result, Row, all_results

# What a machine lacks says nothing about a result.
_ABSENT = " not installed"


@dataclass(frozen=True, kw_only=True)
class Section:
    """What was measured and by which command, and a table of the results in `parts`."""

    title: str
    text: str
    parts: Parts
    table: str


@dataclass(frozen=True)
class Comparison:
    """Number `key` of the first system of each pair next to that of the second, for
    each row of `part`. A pair without a second system has one number."""

    part: str
    key: str
    pairs: Sequence[tuple[str, str | None]]
    digits: int | None = None
    is_difference: bool = False


def write_sections(sections: Iterable[Section]) -> str:
    return "\n\n".join(
        f"## {s.title}\n\n{s.text}\n\n{origins(s.parts)}\n\n{s.table}"
        for s in sections
        if s.parts
    )


def origins(parts: Parts) -> str:
    """Each machine with its versions, and each source and note, once."""
    lines = [line for one in all_results(parts) for line in _origin(one)]
    return "\n".join(f"- {line}" for line in dict.fromkeys(lines))


def comparison_table(parts: Parts, comparisons: Iterable[Comparison]) -> str:
    header = ("what", "system", "", "compared with", "", "ratio or difference")
    return markdown(header, [row for one in comparisons for row in _rows(parts, one)])


def seeds_table(
    parts: Parts,
    scores: Mapping[str, Mapping[str, int]],
    *,
    peers: Sequence[str],
    minutes: str | None = None,
) -> str:
    """Each part holds system -> seed -> a result. scores: part -> score -> digits.

    The difference is that from the first of `peers` that a part has, the mean over
    the seeds that both have. minutes: the number that has them.
    """
    header = ["data", "score", "system", "mean", "each seed", "difference"]
    header += [minutes, "times the peer's"] if minutes else []
    rows = [
        row
        for part, systems in parts.items()
        for score, digits in scores.get(part, {}).items()
        for row in _seed_rows(part, score, systems, peers, minutes, digits)
    ]
    return markdown(header, rows)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float, digits: int | None = None) -> str:
    """One digit after the point below 100 and none above, if nothing else is said."""
    return f"{value:,.{(0 if value >= 100 else 1) if digits is None else digits}f}"


def mean_and_range(values: Sequence[float], digits: int = 1) -> str:
    """The mean, and half of the range if there are several values."""
    text = f"{mean(values):.{digits}f}"
    half = (max(values) - min(values)) / 2
    return text if len(values) == 1 else f"{text} ± {half:.{digits}f}"


def _origin(result: Result) -> Iterator[str]:
    parts = ", ".join(result["machine"]).split(", ")
    line = ", ".join(part for part in parts if not part.endswith(_ABSENT))
    yield "; ".join([line, *(result[k] for k in ("note", "source") if k in result)])


def _rows(parts: Parts, comparison: Comparison) -> Iterator[list[str]]:
    key, digits = comparison.key, comparison.digits
    for row, systems in parts.get(comparison.part, {}).items():
        for name, other in comparison.pairs:
            if any(key not in systems.get(n, {}) for n in (name, other) if n):
                continue
            value = systems[name][key]
            cells = [f"{key}, {row}", name, number(value, digits), "", "", ""]
            if other:
                theirs = systems[other][key]
                compared = f"{value / theirs:.2f}"
                if comparison.is_difference:
                    compared = f"{value - theirs:+.{digits or 1}f}"
                cells[3:] = other, number(theirs, digits), compared
            yield cells


def _seed_rows(
    part: str,
    score: str,
    systems: Mapping[str, Row],
    peers: Sequence[str],
    minutes: str | None,
    digits: int,
) -> Iterator[list[str]]:
    peer = next((name for name in peers if name in systems), "")
    their_runs = systems.get(peer, {})
    for system, all_runs in systems.items():
        runs = {k: run for k, run in sorted(all_runs.items()) if score in run}
        if not runs:
            continue
        both = [k for k in runs if score in their_runs.get(k, {}) and system != peer]
        values = [run[score] for run in runs.values()]
        each = ", ".join(f"{value:.{digits}f}" for value in values)
        lead = _mean(runs[k][score] - their_runs[k][score] for k in both)
        row = [part, score, system, mean_and_range(values, digits), each]
        row.append("" if lead is None else f"{lead:+.{digits}f}")
        if minutes:
            times = _mean(runs[k][minutes] / their_runs[k][minutes] for k in both)
            row.append(f"{mean(run[minutes] for run in runs.values()):.1f}")
            row.append("" if times is None else f"{times:.2f}")
        yield row


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return mean(found) if found else None
