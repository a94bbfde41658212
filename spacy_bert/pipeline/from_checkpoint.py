"""A checkpoint folder -> a `bert_encoder` with its architecture and weights."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from spacy.language import Language

from ..checkpoint import read_config
from .bert_encoder import DEFAULT_CONFIG, BertTok2Vec
from .encoding import get_shim

ARCHITECTURE_FIELDS = (
    "hidden_width",
    "n_layers",
    "n_heads",
    "intermediate_width",
    "max_positions",
    "n_segments",
    "activation",
    "layer_norm_eps",
)


def add_encoder(
    nlp: Language,
    checkpoint: str | Path,
    *,
    name: str = "bert_encoder",
    place: dict[str, Any] | None = None,
    save_cls: bool = False,
    similarity_hooks: bool = True,
    **settings: Any,
) -> BertTok2Vec:
    """Add a `bert_encoder` with a checkpoint's architecture and weights.

    place: where in the pipeline, as `nlp.add_pipe` takes it: {"before": "ner"}.
    save_cls, similarity_hooks: as `BertTok2Vec` takes them.
    settings: further arguments of `spacy-bert.BertEncoder.v1`, such as freeze="all".

    A later `nlp.initialize` keeps the weights. Raises FileNotFoundError or ValueError
    if the folder is not a BERT checkpoint.
    """
    path = Path(checkpoint)
    model = {**DEFAULT_CONFIG["model"], **read_architecture(path), **settings}
    config = {
        "model": model,
        "save_cls": save_cls,
        "similarity_hooks": similarity_hooks,
    }
    component = nlp.add_pipe("bert_encoder", name, config=config, **(place or {}))
    assert isinstance(component, BertTok2Vec)
    try:
        get_shim(component.model).load(path, component=name)
    except (ValueError, OSError):
        nlp.remove_pipe(name)
        raise
    return component


def read_architecture(checkpoint: Path) -> dict[str, Any]:
    """The arguments of `spacy-bert.BertEncoder.v1` that a checkpoint asks for."""
    config = asdict(read_config(checkpoint))
    return {name: config[name] for name in ARCHITECTURE_FIELDS}
