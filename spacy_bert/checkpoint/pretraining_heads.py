"""What pretraining left in a checkpoint besides the encoder: its tensors ->
PretrainingHeads, which `save_checkpoint` writes again.

A pipeline keeps them, so that pretraining can go on from it. Fine-tuning does not
change them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ..model.config import BertConfig
from ..model.heads import MlmHead
from ..tokenization import read_settings
from .files import CONFIG_FILE
from .names import HEAD_TENSORS, modern_name
from .record import PretrainingRecord, find_record

logger = logging.getLogger(__name__)

# Two names of one parameter, of which old files may have either.
_BIAS, _OTHER_BIAS = "cls.predictions.bias", "cls.predictions.decoder.bias"

DECODER = "cls.predictions.decoder.weight"
EMBEDDINGS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, kw_only=True)
class PretrainingHeads:
    """The MLM and NSP heads as tensors, and how they were trained.

    tensors: by the names of `transformers`, on the CPU. Those of a head are all there,
        or none is. The piece embeddings, which the MLM head shares with the encoder,
        are not among them.
    record: None if the checkpoint has none.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    record: PretrainingRecord | None = None

    def has(self, head: str) -> bool:
        """Whether "mlm" or "nsp" is there."""
        return not self.tensors.keys().isdisjoint(HEAD_TENSORS[head].values())


def find_heads(
    path: Path, config: BertConfig, tensors: Mapping[str, Tensor]
) -> PretrainingHeads:
    """Return the heads of the checkpoint in `path`, which has this config and these
    tensors.

    A head that is not there, whole and finite and of the config's sizes, is left out.
    Raises ValueError if the record of its pretraining is damaged.
    """
    found = {modern_name(name): tensor for name, tensor in tensors.items()}
    if _OTHER_BIAS in found:
        found.setdefault(_BIAS, found[_OTHER_BIAS])
    expected = _expected_shapes(config)
    kept: dict[str, Tensor] = {}
    for head, of_head in HEAD_TENSORS.items():
        there = {name: found[name] for name in of_head.values() if name in found}
        if not there:
            continue
        if all(_fits(there.get(name), expected[name]) for name in of_head.values()):
            kept |= {name: tensor.float() for name, tensor in there.items()}
        else:
            logger.warning(
                "%s: the %s head is incomplete, damaged or of another size than the "
                "encoder. It is not kept.",
                *(path, head.upper()),
            )
    if _BIAS in kept and not is_tied(path, tensors):
        logger.warning("%s: the MLM head has its own embeddings. It is not kept.", path)
        kept = {n: t for n, t in kept.items() if "predictions" not in n}
    return PretrainingHeads(tensors=kept, record=find_record(path))


def is_tied(path: Path, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the MLM head has the encoder's embeddings, or a copy of them."""
    if read_settings(path / CONFIG_FILE).get("tie_word_embeddings", True):
        return True
    own = tensors.get(DECODER)
    shared = next((t for n, t in tensors.items() if n.endswith(EMBEDDINGS)), None)
    return own is not None and shared is not None and torch.equal(own, shared)


def _expected_shapes(config: BertConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        modules = {"mlm": MlmHead(config), "nsp": nn.Linear(config.hidden_width, 2)}
    return {
        HEAD_TENSORS[head][name]: tensor.shape
        for head, module in modules.items()
        for name, tensor in module.state_dict().items()
    }


def _fits(tensor: Tensor | None, shape: torch.Size) -> bool:
    return (
        tensor is not None
        and tensor.shape == shape
        and tensor.is_floating_point()
        and bool(tensor.isfinite().all())
    )
