"""A recipe, a system and a seed -> its scores and how long it took."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from thinc.api import Config

from ..measuring import Stopwatch
from ..spacy_runs import evaluate, train
from .datasets import prepare
from .recipe import Recipe, make_config


def run(
    recipe: Recipe,
    system: str,
    seed: int,
    *,
    data: Path,
    work: Path,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """Return what a Stopwatch gives, and each score in percent, of the best step on
    dev.

    checkpoint: what the encoder starts from; MiniLM by default.
    """
    with trained(recipe, system, seed, data=data, work=work, checkpoint=checkpoint) as (
        pipeline,
        minutes,
    ):
        docs = work / recipe.dataset / f"{recipe.split}.spacy"
        scores = evaluate(pipeline, docs, pipeline.with_name("scores.json"))
    return {**minutes, **{name: scores[name] for name in recipe.scores}}


@contextmanager
def trained(
    recipe: Recipe,
    system: str,
    seed: int,
    *,
    data: Path,
    work: Path,
    checkpoint: Path | None = None,
    label: str = "",
    change: Callable[[Config], object] = lambda config: None,
) -> Iterator[tuple[Path, dict[str, float]]]:
    """The pipeline of the best step on dev, as long as it is used, and what a Stopwatch
    gives of the training.

    label: tells runs of the same recipe, system and seed apart. change: the last word
        on the config.
    """
    corpus = work / recipe.dataset
    prepare(recipe.dataset, data, corpus)
    output = work / "runs" / f"{recipe.dataset} {system}{label} {seed}"
    output.mkdir(parents=True, exist_ok=True)
    config = make_config(recipe, system, seed, checkpoint)
    change(config)
    config.to_disk(output / "config.cfg")
    stopwatch = Stopwatch()
    with (output / "train.log").open("w", encoding="utf8") as log:
        with redirect_stdout(log):
            train(output / "config.cfg", corpus=corpus, output=output)
    yield output / "model-best", stopwatch.minutes()
    for folder in ("model-best", "model-last"):
        shutil.rmtree(output / folder)
