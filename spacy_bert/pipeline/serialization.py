"""An encoder and its vocabulary <-> bytes, as `nlp.to_bytes` has them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import safetensors.torch
import srsly

from ..checkpoint import build_quantized
from ..hugging_face import build_from_hugging_face, to_hugging_face
from ..model.config import BertConfig
from ..model.encoder import BertEncoder
from ..model.quantized import is_quantized
from ..pretraining_heads import PretrainingHeads
from ..record import check_record
from ..tokenization import PieceTokenizer, WordPiece

# What a pipeline without weights has.
EMPTY: bytes = srsly.msgpack_dumps({})

_CHOICES = ("lowercase", "strip_accents", "split_chinese")


def serialize(
    encoder: BertEncoder, tokenizer: PieceTokenizer, heads: PretrainingHeads
) -> bytes:
    message = {
        "config": asdict(encoder.config),
        "is_quantized": is_quantized(encoder),
        "weights": safetensors.torch.save(to_hugging_face(encoder)),
        "heads": safetensors.torch.save(dict(heads.tensors)),
        "record": asdict(heads.record) if heads.record else None,
        "pieces": list(tokenizer.pieces),
        **{name: getattr(tokenizer, name) for name in _CHOICES},
    }
    data: bytes = srsly.msgpack_dumps(message)
    return data


def deserialize(
    data: bytes, *, source: str
) -> tuple[BertEncoder, PieceTokenizer, PretrainingHeads] | None:
    """Return None if there were no weights. `source` names the origin in errors."""
    message = srsly.msgpack_loads(data)
    if not message:
        return None
    config = BertConfig(**message["config"])
    build = build_quantized if message["is_quantized"] else BertEncoder
    tensors = safetensors.torch.load(message["weights"])
    encoder, _ = build_from_hugging_face(build, config, tensors, source=source)
    choices = {name: message[name] for name in _CHOICES}
    return encoder, WordPiece(message["pieces"], **choices), _heads(message, source)


def _heads(message: Mapping[str, Any], source: str) -> PretrainingHeads:
    """None if the message is of a version that did not keep them."""
    tensors = safetensors.torch.load(message["heads"]) if "heads" in message else {}
    record = message.get("record")
    return PretrainingHeads(
        tensors=tensors,
        record=None if record is None else check_record(record, source=source),
    )
