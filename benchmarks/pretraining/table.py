"""Stored results -> the tables."""

from collections.abc import Iterator
from math import inf

from ..store import Parts, Result, Row
from ..tables import (
    Comparison,
    Section,
    comparison_table,
    markdown,
    number,
    seeds_table,
)
from .recipes import (
    CURVES,
    DATASETS,
    DOWNSTREAM,
    GROUPED,
    OURS,
    RACE,
    RANDOM,
    RUN_MLM,
    SAME_BATCHES,
)

_BATCHES = ((OURS, SAME_BATCHES), (OURS, GROUPED))
_LOSSES = ((OURS, RUN_MLM),)
_BUILDS = ((OURS, DATASETS), ("ours, sentencizer", DATASETS))
_LONGER = (("ours, 4 x", OURS), ("ours, 16 x", OURS))
_COMPARISONS = (
    Comparison("speed", "pieces/s", _BATCHES),
    Comparison("speed", "% of the rate of products", _BATCHES),
    *(
        Comparison("losses", form, _LOSSES, digits=2, is_difference=True)
        for form in ("pairs", "segments", "blocks")
    ),
    Comparison("losses", "million pieces", _LOSSES, digits=2),
    *(
        Comparison("indexing", key, _BUILDS)
        for key in ("seconds", "peak MB", "disk MB")
    ),
    Comparison("indexing", "peak MB", _LONGER),
)


def sections(parts: Parts) -> Iterator[Section]:
    fine_tuned = {k: v for k, v in parts.items() if k.startswith(DOWNSTREAM)}
    names = {comparison.part for comparison in _COMPARISONS}
    compared = {k: v for k, v in parts.items() if k in names}
    yield Section(
        title="Pretraining next to its peers",
        text=(
            "Speed, held-out MLM loss, and the index of a text, by "
            "`python -m benchmarks.pretraining DATA WORK`. Losses are in nats, on "
            "pairs of segments, on segments of one document, and on blocks of 128 "
            "pieces, with a vocabulary of 8,192 pieces. Speed is that of steps with "
            "30,522 pieces and length 128. The index is of 62 MB of text, with two "
            "processes."
        ),
        parts=compared,
        table=comparison_table(compared, _COMPARISONS),
    )
    yield Section(
        title="Fine-tuned after pretraining",
        text=(
            "The checkpoints of the losses above and random weights, each fine-tuned "
            "by the same recipe by `python -m benchmarks.pretraining DATA WORK --only "
            "downstream`. Means of the seeds and half of their range."
        ),
        parts=fine_tuned,
        table=seeds_table(
            fine_tuned,
            dict.fromkeys(fine_tuned, {"score": 1}),
            peers=(RUN_MLM, RANDOM),
        ),
    )
    yield from race_sections(parts)
    yield from curve_sections(parts)


def race_sections(parts: Parts) -> Iterator[Section]:
    for row, runs in parts.get(RACE, {}).items():
        yield Section(
            title=f"Recipes of our own: {row}",
            text=(
                "Held-out MLM loss of named settings, the lowest on segments first, "
                "by `python -m benchmarks.pretraining.race DATA WORK`."
            ),
            parts={RACE: {row: runs}},
            table=_race_table(runs),
        )


def curve_sections(parts: Parts) -> Iterator[Section]:
    for row, runs in parts.get(CURVES, {}).items():
        yield Section(
            title=f"Recipes and the length of a run: {row}",
            text=(
                "The end of each run's curve, the lowest held-out MLM loss first, by "
                "`python -m benchmarks.pretraining.curves DATA WORK`. NSP accuracy and "
                "minimal pairs in percent: 100 pairs of each of BLiMP's paradigms that "
                "are there."
            ),
            parts={CURVES: {row: runs}},
            table=_curve_table(runs),
        )


def _curve_table(runs: Row) -> str:
    keys = {"MLM loss": 3, "NSP accuracy": 1, "minimal pairs": 1}
    keys |= {"million pieces": 1, "core minutes": 0}
    rows = [
        [name, *(number(run[key], digits) for key, digits in keys.items())]
        for name, run in sorted(runs.items(), key=lambda item: item[1]["MLM loss"])
    ]
    return markdown(("run", *keys), rows)


def _race_table(runs: Row) -> str:
    keys = {"steps": 0, "segments": 3, "pairs": 3, "blocks": 3}
    rows = [
        [name, *(number(run[k], n) if k in run else "" for k, n in keys.items())]
        for name, run in sorted(runs.items(), key=_segments_loss)
    ]
    return markdown(("recipe", *keys), rows)


def _segments_loss(item: tuple[str, Result]) -> float:
    return float(item[1].get("segments", inf))
