"""The ends of curves, and the runs that make them."""

import pytest

from benchmarks.pretraining.recipes import CURVE_RUNS, CURVES
from benchmarks.pretraining.table import curve_sections
from spacy_bert.pretraining.training_config import TrainingConfig


@pytest.mark.parametrize("row", CURVE_RUNS)
def test_each_run_has_the_length_that_its_row_says(row):
    n_steps = int(row.split(", ")[1].removesuffix(" steps"))
    for name, recipe in CURVE_RUNS[row].items():
        config = TrainingConfig(**recipe)
        assert config.max_steps == n_steps and f"{config.learn_rate:g}" in name


def test_the_lowest_loss_comes_first():
    def run(loss, **others):
        numbers = {"NSP accuracy": 60.0, "minimal pairs": 51.23}
        numbers |= {"million pieces": 3.5, "core minutes": 17.0, "points": []}
        return {"MLM loss": loss, **numbers, **others, "machine": ["m"], "settings": {}}

    runs = {"high": run(4.5), "low": run(4.25)}
    (section,) = curve_sections({CURVES: {"L2 H128, 2000 steps": runs}})
    assert section.title.endswith("L2 H128, 2000 steps")
    assert section.table.splitlines()[2:] == [
        "| low | 4.250 | 60.0 | 51.2 | 3.5 | 17 |",
        "| high | 4.500 | 60.0 | 51.2 | 3.5 | 17 |",
    ]
