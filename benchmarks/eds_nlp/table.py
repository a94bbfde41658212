"""Stored results -> the tables."""

from collections.abc import Iterator

from ..store import Parts
from ..tables import Comparison, Section, comparison_table, seeds_table
from .scores import DATASETS, PEERS
from .speed import OURS, PEER, PEER_BFLOAT16

SPEED, SCORES = "speed", "scores"
_COMMAND = "`python -m benchmarks.eds_nlp DATA WORK --python PYTHON --only "
_DIGITS = ("test F", "dev F", "calibration error", "right from 0.9", "kept from 0.9")


def sections(parts: Parts) -> Iterator[Section]:
    timed = {name: rows for name, rows in parts.items() if name == SPEED}
    yield Section(
        title="bert_ner next to EDS-NLP: speed",
        text=(
            "MiniLM (L6 H384) with a CRF in each, on the same Docs of WNUT-17, in "
            f"turns in one run by {_COMMAND}speed`: medians. EDS-NLP has windows of "
            "128 pieces and no convolution; by default it predicts in bfloat16."
        ),
        parts=timed,
        table=comparison_table(
            timed,
            [Comparison(SPEED, "words/s", ((OURS, PEER), (OURS, PEER_BFLOAT16)))],
        ),
    )
    scored = {name: rows for name, rows in parts.items() if name in DATASETS}
    yield Section(
        title="bert_ner next to EDS-NLP: scores",
        text=(
            "MiniLM fine-tuned with batches of 2,000 words, ours with the rates that "
            "`init-config` writes, EDS-NLP with three pairs of rates (of the "
            "transformer and of the rest), with and without its convolution, by "
            f"{_COMMAND}scores`. Confidence is that of the entities found in test. In "
            "percent; the mean of the seeds and half of their range. Minutes are those "
            "of one core, for training and scoring on dev."
        ),
        parts=scored,
        table=seeds_table(
            scored,
            {row: dict.fromkeys(_DIGITS, 1) for row in DATASETS},
            peers=tuple(PEERS),
            minutes="core minutes",
        ),
    )
