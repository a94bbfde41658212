"""What 8-bit weights cost: WNUT-17 F and SST-2 accuracy, trained in 32 bits."""

from pathlib import Path
from typing import Any

from .. import wnut17
from ..tasks.datasets import prepare

_N_STEPS = 500


def quality(data: Path, work: Path, n_rounds: int) -> dict[str, Any]:
    """Scores in percent: {"WNUT-17 dev F": {"fp32": ..., "int8": ...}, ...}"""
    ner, textcat = work / "wnut17", work / "sst2"
    if not (ner / "model-best").exists():
        wnut17.prepare(data / "wnut17", ner, seed=0)
        wnut17.train(ner / "config.cfg", corpus=ner, output=ner)
    if not (textcat / "model-best").exists():
        _prepare_sst2(data, textcat)
        wnut17.train(textcat / "config.cfg", corpus=textcat, output=textcat)
    return {
        "WNUT-17 dev F": _both(ner, "dev", "ents_f"),
        "WNUT-17 test F": _both(ner, "test", "ents_f"),
        "SST-2 dev accuracy": _both(textcat, "dev", "cats_micro_f"),
        "SST-2 test accuracy": _both(textcat, "test", "cats_micro_f"),
    }


def _prepare_sst2(data: Path, folder: Path) -> None:
    prepare("sst2", data, folder)
    config = wnut17.minilm_config(["textcat"])
    config["training"].update(max_steps=_N_STEPS, eval_frequency=100)
    config["training"]["optimizer"]["learn_rate"].update(
        warmup_steps=_N_STEPS // 10, total_steps=_N_STEPS
    )
    config.to_disk(folder / "config.cfg")


def _both(folder: Path, split: str, score: str) -> dict[str, float]:
    pipelines = {"fp32": folder / "model-best", "int8": folder / "quantized"}
    if not pipelines["int8"].exists():
        wnut17.run_spacy("bert", "quantize", *pipelines.values())
    docs = folder / f"{split}.spacy"
    return {
        precision: wnut17.evaluate(path, docs, folder / f"{precision}.{split}.json")[
            score
        ]
        for precision, path in pipelines.items()
    }
