"""An encoder and its vocabulary <-> bytes, as `nlp.to_bytes` has them."""

from dataclasses import asdict

import safetensors.torch
import srsly

from ..checkpoint.conversion import build_from_hugging_face, to_hugging_face
from ..checkpoint.loading import Bert, build_quantized
from ..checkpoint.pretraining_heads import PretrainingHeads
from ..checkpoint.record import check_record
from ..model.config import BertConfig
from ..model.encoder import BertEncoder
from ..model.quantized import is_quantized
from ..tokenization import PieceTokenizer, restore_tokenizer

# What a pipeline without weights has.
EMPTY: bytes = srsly.msgpack_dumps({})


def serialize(
    encoder: BertEncoder, tokenizer: PieceTokenizer, heads: PretrainingHeads
) -> bytes:
    message = {
        "config": asdict(encoder.config),
        "is_quantized": is_quantized(encoder),
        "weights": safetensors.torch.save(to_hugging_face(encoder)),
        "heads": safetensors.torch.save(dict(heads.tensors)),
        "record": asdict(heads.record) if heads.record else None,
        "tokenizer": tokenizer.state(),
    }
    data: bytes = srsly.msgpack_dumps(message)
    return data


def deserialize(data: bytes, *, source: str) -> Bert | None:
    """Return None if there were no weights. `source` names the origin in errors."""
    message = srsly.msgpack_loads(data)
    if not message:
        return None
    config = BertConfig(**message["config"])
    build = build_quantized if message["is_quantized"] else BertEncoder
    tensors = safetensors.torch.load(message["weights"])
    encoder, _ = build_from_hugging_face(build, config, tensors, source=source)
    record = message["record"]
    heads = PretrainingHeads(
        tensors=safetensors.torch.load(message["heads"]),
        record=None if record is None else check_record(record, source=source),
    )
    return Bert(
        source=source,
        encoder=encoder,
        tokenizer=restore_tokenizer(message["tokenizer"]),
        heads=heads,
    )
