"""An encoder and its vocabulary <-> bytes, as `nlp.to_bytes` has them."""

from dataclasses import asdict

import safetensors.torch
import srsly
import torch

from ..hugging_face import load_hugging_face, to_hugging_face
from ..model.config import BertConfig
from ..model.encoder import BertEncoder
from ..model.quantized import is_quantized, quantize
from ..tokenization import WordPiece

# What a pipeline without weights has.
EMPTY: bytes = srsly.msgpack_dumps({})

_CHOICES = ("lowercase", "strip_accents", "split_chinese")


def serialize(encoder: BertEncoder, wordpiece: WordPiece) -> bytes:
    message = {
        "config": asdict(encoder.config),
        "is_quantized": is_quantized(encoder),
        "weights": safetensors.torch.save(to_hugging_face(encoder)),
        "pieces": list(wordpiece.pieces),
        **{name: getattr(wordpiece, name) for name in _CHOICES},
    }
    return srsly.msgpack_dumps(message)


def deserialize(data: bytes, *, source: str) -> tuple[BertEncoder, WordPiece] | None:
    """Return None if there were no weights. `source` names the origin in errors."""
    message = srsly.msgpack_loads(data)
    if not message:
        return None
    with torch.device("meta"):
        encoder = BertEncoder(BertConfig(**message["config"]))
        if message["is_quantized"]:
            quantize(encoder)
    tensors = safetensors.torch.load(message["weights"])
    load_hugging_face(encoder, tensors, source=source)
    choices = {name: message[name] for name in _CHOICES}
    return encoder, WordPiece(message["pieces"], **choices)
