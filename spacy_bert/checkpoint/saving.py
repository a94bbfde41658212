"""A module, its tokenizer and its heads -> a checkpoint's folder."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from ..model.config import BertConfig
from ..model.encoder import BertEncoder
from ..model.heads import BertForPretraining
from ..model.quantized import is_quantized
from ..tokenization import PieceTokenizer
from .conversion import to_hugging_face
from .files import CONFIG_FILE, QUANTIZED_FILE, WEIGHTS_FILE
from .names import CONFIG_KEYS
from .pretraining_heads import PretrainingHeads
from .record import PretrainingRecord

# Whether there is an MLM head, and an NSP head -> the class that has just these.
_THEIR_CLASSES = {
    (False, False): "BertModel",
    (True, False): "BertForMaskedLM",
    (False, True): "BertForNextSentencePrediction",
    (True, True): "BertForPreTraining",
}


def save_checkpoint(
    path: Path,
    module: BertEncoder | BertForPretraining,
    tokenizer: PieceTokenizer,
    *,
    record: PretrainingRecord | None = None,
    heads: PretrainingHeads | None = None,
    has_pooler: bool = True,
) -> None:
    """Write the folder; `transformers` reads it as BertModel or BertForPreTraining.

    record: how it was pretrained, for those that measure it or continue.
    heads: what goes with an encoder that has none, its record included.
    has_pooler: whether the pooler is written.
    """
    heads = heads or PretrainingHeads()
    has_all = isinstance(module, BertForPretraining)
    has_mlm, has_nsp = has_all or heads.has("mlm"), has_all or heads.has("nsp")
    save_description(
        path,
        module.config,
        tokenizer,
        architecture=_THEIR_CLASSES[has_mlm, has_nsp],
        record=record or heads.record,
    )
    tensors = {**to_hugging_face(module), **heads.tensors}
    if not has_pooler:
        tensors = {n: t for n, t in tensors.items() if "bert.pooler." not in n}
    # Not written over: a pipeline may have mapped the old file into its memory.
    new = path / "new.safetensors"
    save_file(tensors, new, metadata={"format": "pt"})
    # safetensors lets nobody but the owner read it.
    new.chmod((path / CONFIG_FILE).stat().st_mode)
    name, other = WEIGHTS_FILE, QUANTIZED_FILE
    if isinstance(module, BertEncoder) and is_quantized(module):
        name, other = other, name
    new.replace(path / name)
    (path / other).unlink(missing_ok=True)


def save_description(
    path: Path,
    config: BertConfig,
    tokenizer: PieceTokenizer,
    *,
    architecture: str = "BertModel",
    record: PretrainingRecord | None = None,
) -> None:
    """Write all but the weights: `config.json` and the tokenizer.

    architecture: the class of `transformers` that has just these weights.
    """
    path.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        theirs: getattr(config, ours) for ours, theirs in CONFIG_KEYS.items()
    }
    settings["model_type"] = "bert"
    settings["architectures"] = [architecture]
    settings["pad_token_id"] = tokenizer.pad_id
    if record is not None:
        settings |= record.to_json()
    (path / CONFIG_FILE).write_text(
        json.dumps(settings, indent=2) + "\n", encoding="utf8"
    )
    tokenizer.save(path, max_length=config.max_positions)
