"""Stored results -> the table."""

from collections.abc import Iterator

from ..store import Parts
from ..tables import Section, seeds_table
from .training import BEFORE, NEW_F, OLD, OLD_F


def sections(parts: Parts) -> Iterator[Section]:
    yield Section(
        title="Labels that come later",
        text=(
            "`bert_ner` on MiniLM learns Chemical (BC5CDR), or person and location "
            "(WNUT-17), from half of the training data, and then the other labels from "
            "the other half, where these alone are annotated, by `python -m "
            "benchmarks.forgetting DATA WORK`. All labels at once: those of the second "
            "half, from MiniLM on. Each training has 240 steps (BC5CDR: 200), of which "
            "the last one counts. F in percent on the test data, which has all labels; "
            "core minutes of the last training."
        ),
        parts=parts,
        table=seeds_table(
            {
                _name(data): {
                    system: {seed: row[system] for seed, row in by_seed.items()}
                    for system in next(iter(by_seed.values()))
                }
                for data, by_seed in parts.items()
            },
            {_name(data): {OLD_F: 1, NEW_F: 1} for data in parts},
            peers=(BEFORE,),
            minutes="core minutes",
        ),
    )


def _name(data: str) -> str:
    return f"{data}, {' and '.join(OLD[data])} first"
