"""Stored results -> the tables."""

from collections.abc import Iterator

from ..store import Parts
from ..tables import Comparison, Section, comparison_table, seeds_table

_SPEED = Comparison("speed", "words/s", (("migrated", "old"),))
_SAME = Comparison("speed", "same predictions, % of Docs", (("migrated", None),))


def sections(parts: Parts) -> Iterator[Section]:
    """Nothing that was not measured yet."""
    trained = {part: rows for part, rows in parts.items() if part != "speed"}
    if trained:
        yield Section(
            title="Stock configs, migrated",
            text=(
                "What `spacy init config` writes for `ner`, and what `spacy bert "
                "migrate` makes of it with MiniLM (L6 H384), trained by `python -m "
                "benchmarks.migration DATA WORK`. The stock config for `transformer` "
                "has MiniLM too. Batches are each config's own, and the runs are as "
                "many steps long as make three to five epochs of BC5CDR. Scores in "
                "percent on the test data."
            ),
            parts=trained,
            table=seeds_table(
                trained,
                {part: {"ents_f": 1} for part in trained},
                peers=("stock",),
                minutes="core minutes",
            ),
        )
    if "speed" in parts:
        speed = {"speed": parts["speed"]}
        yield Section(
            title="A migrated pipeline",
            text=(
                "A pipeline of spacy-transformers with MiniLM, `ner` and `textcat`, "
                "and what `spacy bert migrate` makes of it, measured in turns by "
                "`python -m benchmarks.migration DATA WORK --only speed`: medians. "
                "Windows of long Docs differ, and so may what is predicted there."
            ),
            parts=speed,
            table=comparison_table(speed, [_SPEED, _SAME]),
        )
