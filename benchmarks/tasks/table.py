"""Stored results -> the table."""

from collections.abc import Iterator

from ..fine_tuning.recipe import PEER
from ..store import Parts, Row
from ..tables import Section, seeds_table
from .recipes import HUGGING_FACE, RECIPES


def sections(parts: Parts) -> Iterator[Section]:
    known = {row: _in_order(row, parts[row]) for row in RECIPES if row in parts}
    yield Section(
        title="Tasks next to their peers",
        text=(
            "MiniLM (L6 H384), or for Chinese a BERT of ten minutes (L2 H128), "
            "fine-tuned on the same data, batches and number of steps by "
            "`python -m benchmarks.tasks DATA WORK`. Our heads have ten times the "
            "encoder's learning rate, the peers have one rate for all. Scores in "
            "percent on the test data (SST-2: dev), the mean of the seeds and half of "
            "their range. The difference is from the peer with one rate, over the "
            "seeds that both have. Minutes are those of one core, for training and "
            "scoring on dev."
        ),
        parts=known,
        table=seeds_table(
            known,
            {row: dict.fromkeys(recipe.scores, 1) for row, recipe in RECIPES.items()},
            peers=(PEER, HUGGING_FACE),
            minutes="core minutes",
        ),
    )


def _in_order(row: str, runs: dict[str, Row]) -> dict[str, Row]:
    """The systems as the recipe has them, and then those that it has no more."""
    return {name: runs[name] for name in RECIPES[row].systems if name in runs} | runs
