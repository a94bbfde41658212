"""What 8-bit weights cost: WNUT-17 F and SST-2 accuracy, trained in 32 bits."""

from pathlib import Path

import spacy

from spacy_bert.cli.quantize import quantize_cli

from ..fine_tuning.datasets import prepare
from ..fine_tuning.recipe import Recipe, make_config
from ..spacy_runs import evaluate, train
from ..store import Row

_ENGINE = "components.bert_encoder.model.engine"
_RECIPES = {
    "WNUT-17 F": Recipe(
        dataset="wnut17",
        scores=("ents_f",),
        n_steps=120,
        systems={"ours": {"ner": {}}},
    ),
    "SST-2 accuracy": Recipe(
        dataset="sst2",
        scores=("cats_micro_f",),
        n_steps=500,
        systems={"ours": {"textcat": {}}},
    ),
}


def quality(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Scores in percent of both precisions, on dev and test."""
    return {
        f"{name}, {split}": _both(recipe, split, data, work)
        for name, recipe in _RECIPES.items()
        for split in ("dev", "test")
    }


def _both(recipe: Recipe, split: str, data: Path, work: Path) -> Row:
    folder = _train(recipe, data, work)
    pipelines = {"ours": folder / "model-best", "ours int8": folder / "quantized"}
    if not pipelines["ours int8"].exists():
        quantize_cli(str(pipelines["ours"]), pipelines["ours int8"], force=False)
    for name in list(pipelines):
        pipelines[f"{name}, onnxruntime"] = _with_onnx_runtime(pipelines[name])
    docs, score = folder / f"{split}.spacy", recipe.scores[0]
    return {
        name: {"score": evaluate(path, docs, folder / f"{name}.{split}.json")[score]}
        for name, path in pipelines.items()
    }


def _with_onnx_runtime(pipeline: Path) -> Path:
    """A copy that predicts with ONNX Runtime."""
    copy = pipeline.with_name(f"{pipeline.name}, onnxruntime")
    if not copy.exists():
        nlp = spacy.load(pipeline, config={_ENGINE: "onnxruntime"})
        nlp.to_disk(copy)
    return copy


def _train(recipe: Recipe, data: Path, work: Path) -> Path:
    """The folder of the data and the pipeline, which is kept."""
    folder = work / recipe.dataset
    if not (folder / "model-best").exists():
        prepare(recipe.dataset, data, folder)
        make_config(recipe, "ours", seed=0).to_disk(folder / "config.cfg")
        train(folder / "config.cfg", corpus=folder, output=folder)
    return folder
