"""A recipe, a system and a seed -> its scores and how long it took."""

import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..spacy_runs import evaluate, train
from ..store import Stopwatch
from .chinese_bert import chinese_bert
from .datasets import language, prepare
from .recipes import HUGGING_FACE, Recipe, make_config, peer_rate


def run(
    recipe: Recipe,
    system: str,
    seed: int,
    *,
    data: Path,
    work: Path,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """What a Stopwatch gives, and each score in percent, of the best step on dev.

    checkpoint: what the encoder starts from; else MiniLM, or a Chinese BERT of ours.
    """
    if system.startswith(HUGGING_FACE):
        from . import hugging_face

        tuned = replace(recipe, learn_rate=peer_rate(recipe, system))
        return hugging_face.run(tuned, seed, data=data, work=work)
    corpus = work / recipe.dataset
    prepare(recipe.dataset, data, corpus)
    if checkpoint is None and language(recipe.dataset) == "zh":
        checkpoint = chinese_bert(data, work)
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
