"""Stored results -> the tables."""

from collections.abc import Iterator, Mapping, Sequence

from ..store import Parts, Result
from ..tables import (
    Comparison,
    Section,
    comparison_table,
    markdown,
    mean_and_range,
    seeds_table,
)
from .calibration import AFTER, BEFORE, THRESHOLDS
from .cost import ALTERNATIVES, WITH, WITHOUT, WORDS
from .suggestion import RANDOM, SIZES, SUGGESTED
from .weights import SCORES

CALIBRATION, COST, LOSSES, SUGGESTION = PARTS = (
    "calibration",
    "cost",
    "weights",
    "suggestion",
)
_COMMAND = "`python -m benchmarks.probabilities DATA WORK --only "
_MEANS = "Means of the seeds, and half of their range."


def part_name(kind: str, row: str) -> str:
    return f"{row}, {kind}"


def sections(parts: Parts) -> Iterator[Section]:
    """Nothing that was not measured yet."""
    calibrated = _of_kind(parts, CALIBRATION)
    yield Section(
        title="Calibration",
        text=(
            "MiniLM (L6 H384) with a head, calibrated on dev and looked at on test, "
            f"by {_COMMAND}calibration`. A prediction is an entity that is found, a "
            "text's likeliest class, or with a sigmoid for each class the answer for a "
            f"class. Errors and shares in percent. {_MEANS}"
        ),
        parts=calibrated,
        table=_calibration_table(calibrated),
    )
    weighted = _of_kind(parts, LOSSES)
    yield Section(
        title="Weights of labels and classes",
        text=(
            f"The same heads with other losses, by {_COMMAND}weights`. CLINC150 has "
            "100 training questions of each intent and 100 that are out of scope, and "
            "1,000 of 5,500 test questions are. Scores in percent on test. "
            f"{_MEANS}"
        ),
        parts=weighted,
        table=seeds_table(
            weighted,
            {
                part_name(LOSSES, row): dict.fromkeys(scores, 1)
                for row, scores in SCORES.items()
            },
            peers=("no weights",),
        ),
    )
    suggested = _of_kind(parts, SUGGESTION)
    yield Section(
        title="What to annotate next",
        text=(
            "F on WNUT-17's test data with so many training sentences, chosen at "
            "random or by `suggest`, each size with the pipeline of the size before, "
            f"by {_COMMAND}suggestion`. All are trained from MiniLM with 120 steps. "
            f"{_MEANS}"
        ),
        parts=suggested,
        table=_suggestion_table(suggested),
    )
    cost = _of_kind(parts, COST)
    yield Section(
        title="What confidence costs",
        text=(
            "`nlp.pipe` on WNUT-17's test sentences, MiniLM and `bert_ner`, medians of "
            f"rounds in turn, by {_COMMAND}cost`."
        ),
        parts=cost,
        table=comparison_table(
            cost, [Comparison(COST, WORDS, ((WITH, WITHOUT), (ALTERNATIVES, WITHOUT)))]
        ),
    )


def _of_kind(parts: Parts, kind: str) -> Parts:
    return {
        name: rows
        for name, rows in parts.items()
        if name == kind or name.endswith(f", {kind}")
    }


def _calibration_table(parts: Parts) -> str:
    header = ["data", "predictions", "temperature", "calibration error", "log loss"]
    header += [f"right from {t}" for t in THRESHOLDS]
    header += [f"kept from {t}" for t in THRESHOLDS]
    rows = []
    for name, systems in parts.items():
        if {BEFORE, AFTER} - {*systems}:
            continue
        before, after = (_results(systems[one]) for one in (BEFORE, AFTER))
        cells = [
            name.removesuffix(f", {CALIBRATION}"),
            mean_and_range([one["predictions"] for one in after], 0),
            mean_and_range([one["temperature"] for one in after], 2),
        ]
        for key in header[3:]:
            digits = 3 if key == "log loss" else 1
            cells.append(
                " → ".join(
                    mean_and_range([one[key] for one in results], digits)
                    for results in (before, after)
                )
            )
        rows.append(cells)
    return markdown(header, rows)


def _suggestion_table(parts: Parts) -> str:
    header = ["sentences", RANDOM, SUGGESTED, "difference"]
    rows = []
    for systems in parts.values():
        for size in SIZES:
            key = f"F of {size}"
            values = {
                name: [
                    one[key] for one in _results(systems.get(name, {})) if key in one
                ]
                for name in (RANDOM, SUGGESTED)
            }
            if all(values.values()):
                means = [sum(of) / len(of) for of in values.values()]
                cells = [mean_and_range(of) for of in values.values()]
                rows.append([f"{size:,}", *cells, f"{means[1] - means[0]:+.1f}"])
    return markdown(header, rows)


def _results(by_seed: Mapping[str, Result]) -> Sequence[Result]:
    return [by_seed[seed] for seed in sorted(by_seed)]
