"""Our tensors and settings <-> their names in the Hugging Face BERT layout."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping

import torch
from torch import Tensor, nn

from .model.config import BertConfig
from .model.encoder import BertEncoder, initialize_weights
from .model.heads import BertForPretraining, MlmHead

logger = logging.getLogger(__name__)

# BertConfig's names -> those of config.json.
CONFIG_KEYS = {
    "vocab_size": "vocab_size",
    "hidden_width": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "intermediate_width": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "n_segments": "type_vocab_size",
    "activation": "hidden_act",
    "hidden_dropout_prob": "hidden_dropout_prob",
    "attention_dropout_prob": "attention_probs_dropout_prob",
    "layer_norm_eps": "layer_norm_eps",
    "initializer_range": "initializer_range",
}

# Our module -> theirs; several of theirs are stacked along the first axis.
_EMBEDDING_MODULES = {
    "embeddings.pieces": "bert.embeddings.word_embeddings",
    "embeddings.segments": "bert.embeddings.token_type_embeddings",
    "embeddings.positions": "bert.embeddings.position_embeddings",
}
_LAYER_MODULES = {
    "attention.project": (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
    ),
    "attention.output": ("attention.output.dense",),
    "attention_norm": ("attention.output.LayerNorm",),
    "expand": ("intermediate.dense",),
    "contract": ("output.dense",),
    "output_norm": ("output.LayerNorm",),
}
_HEAD_MODULES = {
    "mlm.transform": ("cls.predictions.transform.dense",),
    "mlm.norm": ("cls.predictions.transform.LayerNorm",),
    "nsp": ("cls.seq_relationship",),
}

_LAYER = re.compile(r"encoder\.layer\.(\d{1,9})\.")

# What a folder may lack -> its name in warnings, and what that means.
_PARTS = {
    "pooler": ("pooler", "Only heads that read the pooled [CLS] notice."),
    "mlm": ("MLM head", "It has to be trained before it predicts pieces."),
    "nsp": ("NSP head", "It has to be trained before it judges pairs."),
}


def to_hugging_face(module: BertEncoder | BertForPretraining) -> dict[str, Tensor]:
    """The module's weights under the names of `transformers`, on the CPU."""
    state = module.state_dict()
    tensors = {}
    for ours, theirs in _tensor_names(module).items():
        parts = state[ours].detach().cpu().chunk(len(theirs))
        for name, part in zip(theirs, parts, strict=True):
            tensors[name] = part.contiguous()
    return tensors


def load_hugging_face(
    module: BertEncoder | BertForPretraining,
    tensors: Mapping[str, Tensor],
    *,
    source: str,
    fill_heads: Collection[str] = (),
) -> list[str]:
    """The opposite of `to_hugging_face`. `source` names the origin in errors.

    A pooler that is not there starts from random weights, and so do those heads of
    `fill_heads` ("mlm", "nsp") of which nothing is there. Gives the names of these
    parts, and warns of them.
    """
    check_n_layers(module.config, tensors, source=source)
    tensors = {_modern_name(name): tensor for name, tensor in tensors.items()}
    names = _tensor_names(module)
    absent = _absent_parts(names, tensors, fill_heads)
    state = {}
    for ours, theirs in names.items():
        if _part(ours) in absent:
            continue
        missing = [name for name in theirs if name not in tensors]
        if missing:
            raise ValueError(
                f"{source}: expected the tensor {missing[0]!r}, which is not among the "
                f"{len(tensors)} tensors there. The checkpoint is incomplete, or was "
                "saved without the head that is asked for: evaluating and filling "
                "masks need that of MLM, which pretraining adds."
            )
        state[ours] = _joined([tensors[name] for name in theirs])
    expected_state = module.state_dict()
    for name, tensor in state.items():
        expected = expected_state[name]
        if tensor.is_floating_point() != expected.is_floating_point():
            raise ValueError(
                f"{source}: expected {name} of {expected.dtype}, got {tensor.dtype}. "
                "The file does not hold a BERT's weights; copy or export it again."
            )
        if (tensor.shape, tensor.dtype) != (expected.shape, expected.dtype):
            raise ValueError(
                f"{source}: expected {name} of {expected.dtype} and shape "
                f"{tuple(expected.shape)}, got {tensor.dtype} and "
                f"{tuple(tensor.shape)}. The weights belong to another architecture "
                "than the config's."
            )
        # The extremes alone: a tensor of truth values would take memory of its own.
        if not torch.isfinite(torch.stack(torch.aminmax(tensor))).all():
            raise ValueError(
                f"{source}: {name} holds numbers that are not finite. The training "
                "that wrote it diverged; take an earlier checkpoint."
            )
    module.load_state_dict(state, strict=False, assign=True)
    for part in absent:
        _initialize(module, part)
        name, notice = _PARTS[part]
        logger.warning(
            "%s has no %s; it starts from random weights. %s", source, name, notice
        )
    return absent


def check_n_layers(config: BertConfig, names: Iterable[str], *, source: str) -> None:
    """Raise ValueError if tensors of these names are of more or fewer layers.

    Cheap, unlike a module of as many layers as a damaged config asks for.
    """
    found = {int(match[1]) for name in names if (match := _LAYER.search(name))}
    n_layers = max(found, default=-1) + 1
    if n_layers != config.n_layers:
        raise ValueError(
            f"{source}: expected {config.n_layers} layers, as the config says, found "
            f"{n_layers}. The files come from different models."
        )


def _tensor_names(
    module: BertEncoder | BertForPretraining,
) -> dict[str, tuple[str, ...]]:
    """Each of our tensors -> theirs, stacked along the first axis.

    {"pooler.bias": ("bert.pooler.dense.bias",), "layers.0.attention.project.bias":
    ("bert.encoder.layer.0.attention.self.query.bias", ...), ...}. The scale of 8-bit
    weights, which `transformers` does not know, is named after the weight.
    """
    config, with_heads = module.config, isinstance(module, BertForPretraining)
    modules: dict[str, tuple[str, ...]] = {
        "embeddings.norm": ("bert.embeddings.LayerNorm",),
        "pooler": ("bert.pooler.dense",),
    }
    for i in range(config.n_layers):
        for ours, theirs in _LAYER_MODULES.items():
            modules[f"layers.{i}.{ours}"] = tuple(
                f"bert.encoder.layer.{i}.{name}" for name in theirs
            )
    prefix = "encoder." if with_heads else ""
    names: dict[str, tuple[str, ...]] = {
        f"{prefix}{ours}.weight": (f"{theirs}.weight",)
        for ours, theirs in _EMBEDDING_MODULES.items()
    }
    modules = {f"{prefix}{ours}": theirs for ours, theirs in modules.items()}
    if with_heads:
        modules.update(_HEAD_MODULES)
        names["mlm.bias"] = ("cls.predictions.bias",)
    for ours, stacked in modules.items():
        for kind in ("weight", "bias"):
            names[f"{ours}.{kind}"] = tuple(f"{name}.{kind}" for name in stacked)
    for ours in module.state_dict():
        if ours.endswith(".scale"):
            stacked = names[ours.replace(".scale", ".weight")]
            names[ours] = tuple(name.replace(".weight", ".scale") for name in stacked)
    return names


def _joined(parts: list[Tensor]) -> Tensor:
    """Floats of 32 bits or bytes. One part stays where it is: in the mapped file."""
    tensor = parts[0] if len(parts) == 1 else torch.cat(parts)
    return tensor.float() if tensor.is_floating_point() else tensor


def _modern_name(name: str) -> str:
    """Names as current `transformers` writes them, with the prefix of a full model."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    name = name.replace("LayerNorm.beta", "LayerNorm.bias")
    if name.startswith(("embeddings.", "encoder.", "pooler.")):
        return f"bert.{name}"
    return name


def _part(name: str) -> str:
    """The part of ours that a tensor is in. encoder.pooler.bias -> pooler"""
    return name.removeprefix("encoder.").split(".")[0]


def _absent_parts(
    names: Mapping[str, tuple[str, ...]],
    tensors: Mapping[str, Tensor],
    fill_heads: Collection[str],
) -> list[str]:
    """Those that may be absent and are, whole."""
    may_be_absent = ("pooler", *fill_heads)
    wanted = {_part(ours) for ours in names}
    found = {
        _part(ours)
        for ours, theirs in names.items()
        if not tensors.keys().isdisjoint(theirs)
    }
    return [part for part in may_be_absent if part in wanted - found]


def _initialize(module: BertEncoder | BertForPretraining, part: str) -> None:
    owner = module
    if part == "pooler" and isinstance(module, BertForPretraining):
        owner = module.encoder
    new = getattr(owner, part).to_empty(device="cpu")
    initialize_weights(new, std=module.config.initializer_range)
    if isinstance(new, MlmHead):
        nn.init.zeros_(new.bias)
