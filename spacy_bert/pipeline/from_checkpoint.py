"""A checkpoint folder -> a `bert_encoder` with its architecture and weights."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from spacy.language import Language

from ..checkpoint.loading import read_config
from ..checkpoint.resolving import resolve_checkpoint
from .bert_encoder import DEFAULT_CONFIG, BertTok2Vec
from .encoding import get_shim

if TYPE_CHECKING:
    from typing_extensions import Unpack

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


class EncoderSettings(TypedDict, total=False):
    """The arguments of `spacy-bert.BertEncoder.v1` that no checkpoint decides."""

    layers: int | list[int]
    combine: str
    window_width: int | None
    window_overlap: int | None
    max_batch_pieces: int | None
    freeze: str | int
    learn_rate_factor: float
    max_learn_rate: float | None
    layer_decay: float
    precision: str
    engine: str
    recompute: bool
    pair_separator: str | None


def add_encoder(
    nlp: Language,
    checkpoint: str | Path,
    *,
    name: str = "bert_encoder",
    add_pipe_kwargs: dict[str, Any] | None = None,
    save_cls: bool = False,
    similarity_hooks: bool = True,
    lowercase: bool | None = None,
    strip_accents: bool | None = None,
    split_chinese: bool | None = None,
    trf_data: bool = False,
    **settings: "Unpack[EncoderSettings]",
) -> BertTok2Vec:
    """Add a `bert_encoder` with a checkpoint's architecture and weights.

    checkpoint: a folder in the Hugging Face BERT layout, a file in it, or a name on the
        Hugging Face Hub, "org/name" or "org/name@revision", which is downloaded.
    add_pipe_kwargs: further arguments of `nlp.add_pipe`, such as {"before": "ner"}.
    save_cls, similarity_hooks, trf_data: as `BertTok2Vec` takes them.
    lowercase, strip_accents, split_chinese: how text is read, instead of what the
        checkpoint says. A cased BERT without a `tokenizer_config.json` needs
        lowercase=False.
    settings: further arguments of `spacy-bert.BertEncoder.v1`, such as freeze="all".

    A later `nlp.initialize` keeps the weights. Raises FileNotFoundError or ValueError
    if it is not a BERT checkpoint.
    """
    path = resolve_checkpoint(checkpoint)
    model = {**DEFAULT_CONFIG["model"], **read_architecture(path), **settings}
    config = {
        "model": model,
        "save_cls": save_cls,
        "similarity_hooks": similarity_hooks,
        "trf_data": trf_data,
    }
    component = nlp.add_pipe(
        "bert_encoder", name, config=config, **(add_pipe_kwargs or {})
    )
    assert isinstance(component, BertTok2Vec)
    try:
        get_shim(component.model).load(
            path,
            component=name,
            lowercase=lowercase,
            strip_accents=strip_accents,
            split_chinese=split_chinese,
        )
    except (ValueError, OSError):
        nlp.remove_pipe(name)
        raise
    return component


def read_architecture(checkpoint: Path) -> dict[str, Any]:
    """The arguments of `spacy-bert.BertEncoder.v1` that a checkpoint asks for."""
    config = asdict(read_config(checkpoint))
    return {name: config[name] for name in ARCHITECTURE_FIELDS}
