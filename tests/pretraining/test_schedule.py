"""How much of a run is done, by which limit, and the learning rate there."""

import pytest

from spacy_bert.pretraining.training.schedule import learn_rate_at, progress_of
from spacy_bert.pretraining.training_config import TrainingConfig


def rates(n_steps, **settings):
    config = TrainingConfig(max_steps=n_steps, learn_rate=1.0, **settings)
    all_progress = [
        progress_of(config, n_steps=i, n_epochs=0.0, seconds=0.0)
        for i in range(n_steps)
    ]
    return [learn_rate_at(progress, config) for progress in all_progress]


def test_the_rate_rises_and_falls():
    """At 0.1, 0.3, 0.5, 0.7 and 0.9 of the run."""
    assert rates(5, warmup_ratio=0.4) == pytest.approx(
        [0.1 / 0.4, 0.3 / 0.4, 0.5 / 0.6, 0.3 / 0.6, 0.1 / 0.6]
    )
    assert rates(2, warmup_ratio=0.0) == pytest.approx([0.75, 0.25])
    cosine = rates(2, warmup_ratio=0.0, schedule="cosine")
    # (1 + cos(45 degrees)) / 2
    assert cosine == pytest.approx([0.85355339, 0.14644661])
    wsd = rates(10, warmup_ratio=0.1, schedule="wsd", decay_ratio=0.2)
    assert wsd[:8] == pytest.approx([0.5] + 7 * [1.0])
    # 1 - sqrt(1/4), 1 - sqrt(3/4)
    assert wsd[8:] == pytest.approx([0.5, 0.1339746])


@pytest.mark.parametrize(
    "limits, progress",
    [
        ({"max_steps": 100}, 0.205),
        ({"max_epochs": 2.0}, 0.25),
        ({"max_minutes": 2.0}, 0.3),
        ({"max_steps": 100, "max_epochs": 2.0}, 0.25),
        ({"max_steps": 100, "max_epochs": 2.0, "max_minutes": 1.0}, 0.6),
        ({"max_steps": 20}, 1.0),
        ({"max_minutes": 0.5}, 1.0),
    ],
)
def test_the_limit_that_is_nearest_counts(limits, progress):
    config = TrainingConfig(**limits)
    assert progress_of(config, n_steps=20, n_epochs=0.5, seconds=36.0) == progress
