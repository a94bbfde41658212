"""A recipe, a system and a seed -> its scores and how long it took."""

import shutil
import time
from pathlib import Path
from typing import Any

from ..spacy_runs import evaluate, train
from . import hugging_face
from .datasets import prepare
from .recipes import HUGGING_FACE, Recipe, make_config


def run(
    recipe: Recipe,
    system: str,
    seed: int,
    *,
    data: Path,
    work: Path,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """{"minutes": ..., a score in percent by its name}, of the best step on dev.

    checkpoint: what the encoder starts from, MiniLM by default.
    """
    if system == HUGGING_FACE:
        return hugging_face.run(recipe, seed, data=data, work=work)
    corpus = work / recipe.dataset
    prepare(recipe.dataset, data, corpus)
    output = work / "runs" / f"{recipe.dataset} {system} {seed}"
    output.mkdir(parents=True, exist_ok=True)
    config = make_config(recipe, system, seed, checkpoint)
    config.to_disk(output / "config.cfg")
    start = time.perf_counter()
    with (output / "train.log").open("w", encoding="utf8") as log:
        train(output / "config.cfg", corpus=corpus, output=output, stdout=log)
    minutes = (time.perf_counter() - start) / 60
    scores = evaluate(
        output / "model-best", corpus / f"{recipe.split}.spacy", output / "scores.json"
    )
    for folder in ("model-best", "model-last"):
        shutil.rmtree(output / folder)
    return {"minutes": minutes, **{name: scores[name] for name in recipe.scores}}
