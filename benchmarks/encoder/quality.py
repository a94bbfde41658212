"""What 8-bit weights cost: WNUT-17 F and SST-2 accuracy, trained in 32 bits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy_bert.cli.quantize import quantize_cli

from ..spacy_runs import evaluate, train
from ..tasks.datasets import prepare
from ..tasks.recipes import RECIPES, Recipe, make_config


def quality(data: Path, work: Path, n_rounds: int) -> dict[str, Any]:
    """Scores in percent: {"WNUT-17 dev F": {"fp32": ..., "int8": ...}, ...}"""
    sst2 = replace(RECIPES["SST-2"], n_steps=500)
    ner = _train(RECIPES["WNUT-17"], "ours, ner", data, work)
    textcat = _train(sst2, "ours, [CLS]", data, work)
    return {
        "WNUT-17 dev F": _both(ner, "dev", "ents_f"),
        "WNUT-17 test F": _both(ner, "test", "ents_f"),
        "SST-2 dev accuracy": _both(textcat, "dev", "cats_micro_f"),
        "SST-2 test accuracy": _both(textcat, "test", "cats_micro_f"),
    }


def _train(recipe: Recipe, system: str, data: Path, work: Path) -> Path:
    """The folder of the data and the pipeline, which is kept."""
    folder = work / recipe.dataset
    if not (folder / "model-best").exists():
        prepare(recipe.dataset, data, folder)
        make_config(recipe, system, seed=0).to_disk(folder / "config.cfg")
        train(folder / "config.cfg", corpus=folder, output=folder)
    return folder


def _both(folder: Path, split: str, score: str) -> dict[str, float]:
    pipelines = {"fp32": folder / "model-best", "int8": folder / "quantized"}
    if not pipelines["int8"].exists():
        quantize_cli(str(pipelines["fp32"]), pipelines["int8"], force=False)
    docs = folder / f"{split}.spacy"
    return {
        precision: evaluate(path, docs, folder / f"{precision}.{split}.json")[score]
        for precision, path in pipelines.items()
    }
