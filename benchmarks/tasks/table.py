"""Stored results -> the table."""

from collections.abc import Mapping
from statistics import mean

from ..store import Result
from .recipes import HUGGING_FACE, PEER, RECIPES

# system -> seed -> a result
Runs = Mapping[str, Mapping[str, Result]]


def sharing_line(sharing: Result) -> str:
    shared, alone = sharing["shared"], sharing["alone"]
    return (
        f"Five heads on one encoder: {shared:,.0f} words/s; five pipelines: "
        f"{alone:,.0f}; {shared / alone:.1f} times as fast."
    )


def table(rows: Mapping[str, Runs]) -> str:
    """The difference is over the peer with one rate for all, the mean over the seeds
    that both have."""
    lines = [
        "| data | score | system | mean | seeds | over the peer | core minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, systems in rows.items():
        for score in RECIPES[row].scores:
            lines.extend(_lines(row, score, systems))
    return "\n".join(lines)


def _lines(row: str, score: str, systems: Runs) -> list[str]:
    peer = next((systems[name] for name in (PEER, HUGGING_FACE) if name in systems), {})
    lines = []
    for system, seeds in systems.items():
        scores = [one[score] for _, one in sorted(seeds.items())]
        each = " ".join(f"{number:.1f}" for number in scores)
        leads = [seeds[s][score] - peer[s][score] for s in seeds.keys() & peer.keys()]
        lead = f"{mean(leads):+.1f}" if leads else ""
        minutes = mean(one["core minutes"] for one in seeds.values())
        lines.append(
            f"| {row} | {score} | {system} | {mean(scores):.1f} | {each} | {lead} | "
            f"{minutes:.1f} |"
        )
    return lines
