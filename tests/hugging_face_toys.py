"""Toy BERTs that `transformers` makes and saves, and what it computes with them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from spacy_bert.model import BertEncoder, pack

Tensors = dict[str, Tensor]

DATA = Path(__file__).parent / "data"

N_PIECES = len((DATA / "uncased" / "vocab.txt").read_text("utf8").splitlines())
SIZES = {
    "vocab_size": N_PIECES,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
# Several shards for a toy.
SHARDS = {"max_shard_size": "20KB"}
IDS = [2, *range(100, 1100, 50), 3, *range(130, 1100, 100), 3]
SEGMENTS = [0] * 22 + [1] * 11


def save_bert(
    path: Path, kind: str = "BertModel", *, options: Any = None, **settings: Any
) -> transformers.PreTrainedModel:
    """Weights of standard deviation 0.25, so that differences show. options: of
    save_pretrained."""
    config = transformers.BertConfig(**{**SIZES, **settings})
    model = getattr(transformers, kind)(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = name.endswith("LayerNorm.weight")
            parameter.normal_(float(is_scale), 0.25, generator=generator)
    model.save_pretrained(path, **(options or {}))
    for file in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(DATA / "uncased" / file, path)
    return model


def edit_config(path: Path, **changes: Any) -> None:
    """None removes a key."""
    file = path / "config.json"
    settings = {**json.loads(file.read_text()), **changes}
    kept = {name: value for name, value in settings.items() if value is not None}
    file.write_text(json.dumps(kept))


def edit_tensors(path: Path, edit: Callable[[Tensors], Tensors | None]) -> None:
    file = path / "model.safetensors"
    tensors = load_file(file)
    new = edit(tensors)
    save_file(tensors if new is None else new, file, metadata={"format": "pt"})


def pickle_weights(path: Path, **options: Any) -> None:
    """model.safetensors -> pytorch_model.bin"""
    tensors = load_file(path / "model.safetensors")
    torch.save(tensors, path / "pytorch_model.bin", **options)
    (path / "model.safetensors").unlink()


def their_vectors(path: Path) -> Tensor:
    """What leaves the last layer, (n_pieces, hidden_width)."""
    model = transformers.BertModel.from_pretrained(path).float().eval()
    segments = [min(s, model.config.type_vocab_size - 1) for s in SEGMENTS]
    with torch.no_grad():
        output = model(torch.tensor([IDS]), token_type_ids=torch.tensor([segments]))
    return output.last_hidden_state[0]


def our_vectors(encoder: BertEncoder) -> Tensor:
    segments = [min(s, encoder.config.n_segments - 1) for s in SEGMENTS]
    with torch.no_grad():
        return encoder(pack(torch.tensor(IDS), [len(IDS)], torch.tensor(segments)))


def configured(**changes: Any) -> Callable[[Path], None]:
    return lambda path: edit_config(path, **changes)


def rename(change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda path: edit_tensors(
        path, lambda tensors: {change(name): t for name, t in tensors.items()}
    )
