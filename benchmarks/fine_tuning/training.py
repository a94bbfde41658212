"""A recipe, a system and a seed -> its scores and how long it took."""

import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

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
    corpus = work / recipe.dataset
    prepare(recipe.dataset, data, corpus)
    output = work / "runs" / f"{recipe.dataset} {system} {seed}"
    output.mkdir(parents=True, exist_ok=True)
    config = make_config(recipe, system, seed, checkpoint)
    config.to_disk(output / "config.cfg")
    stopwatch = Stopwatch()
    with (output / "train.log").open("w", encoding="utf8") as log:
        with redirect_stdout(log):
            train(output / "config.cfg", corpus=corpus, output=output)
    minutes = stopwatch.minutes()
    scores = evaluate(
        output / "model-best", corpus / f"{recipe.split}.spacy", output / "scores.json"
    )
    for folder in ("model-best", "model-last"):
        shutil.rmtree(output / folder)
    return {**minutes, **{name: scores[name] for name in recipe.scores}}
