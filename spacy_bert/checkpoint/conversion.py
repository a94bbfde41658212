"""Our modules <-> tensors under their names in the Hugging Face BERT layout."""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..model.config import BertConfig
from ..model.encoder import BertEncoder, initialize_weights
from ..model.heads import BertForPretraining, MlmHead
from .names import get_submodule, modern_name, tensor_names

logger = logging.getLogger(__name__)

Module = TypeVar("Module", BertEncoder, BertForPretraining)

_LAYER = re.compile(r"encoder\.layer\.(\d{1,9})\.")

# A submodule that a folder may lack -> its name in warnings, and what that means.
_MAY_BE_ABSENT = {
    "pooler": ("pooler", "Only heads that read the pooled [CLS] notice."),
    "mlm": ("MLM head", "It has to be trained before it predicts pieces."),
    "nsp": ("NSP head", "It has to be trained before it judges pairs."),
}


def to_hugging_face(module: BertEncoder | BertForPretraining) -> dict[str, Tensor]:
    """The module's weights under the names of `transformers`, on the CPU."""
    state = module.state_dict()
    tensors = {}
    for ours, theirs in tensor_names(module).items():
        stacked = state[ours].detach().cpu().chunk(len(theirs))
        for name, tensor in zip(theirs, stacked, strict=True):
            tensors[name] = tensor.contiguous()
    return tensors


def build_from_hugging_face(
    make: Callable[[BertConfig], Module],
    config: BertConfig,
    tensors: Mapping[str, Tensor],
    *,
    source: str,
    fill_heads: Collection[str] = (),
) -> tuple[Module, list[str]]:
    """As `load_hugging_face`, into a new module, which is given too.

    Layers are counted first: a module of impossible sizes would take minutes to build.
    """
    _check_n_layers(config, tensors, source=source)
    with torch.device("meta"):
        module = make(config)
    return module, _load(module, tensors, source, fill_heads)


def check_shapes(
    make: Callable[[BertConfig], Module],
    config: BertConfig,
    shapes: Mapping[str, Tensor],
    *,
    source: str,
    fill_heads: Collection[str] = (),
) -> None:
    """Raise ValueError if `build_from_hugging_face` would, but for what is in the
    tensors: these may be on torch's device "meta"."""
    _check_n_layers(config, shapes, source=source)
    with torch.device("meta"):
        module = make(config)
    _select(module, shapes, source, fill_heads)


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
    submodules.
    """
    _check_n_layers(module.config, tensors, source=source)
    return _load(module, tensors, source, fill_heads)


def _load(
    module: BertEncoder | BertForPretraining,
    tensors: Mapping[str, Tensor],
    source: str,
    fill_heads: Collection[str],
) -> list[str]:
    state, absent = _select(module, tensors, source, fill_heads)
    module.load_state_dict(state, strict=False, assign=True)
    for submodule in absent:
        _initialize(module, submodule)
    return absent


def warn_absent(submodules: Iterable[str], *, source: str) -> None:
    """Log a warning for each that starts from random weights."""
    for submodule in submodules:
        name, notice = _MAY_BE_ABSENT[submodule]
        logger.warning(
            "%s has no %s: a new one starts from random weights. %s",
            source,
            name,
            notice,
        )


def _select(
    module: BertEncoder | BertForPretraining,
    tensors: Mapping[str, Tensor],
    source: str,
    fill_heads: Collection[str],
) -> tuple[dict[str, Tensor], list[str]]:
    """What goes into the module, checked, and the submodules that are absent."""
    tensors = {modern_name(name): tensor for name, tensor in tensors.items()}
    decoder_bias = tensors.get("cls.predictions.decoder.bias")
    if decoder_bias is not None:
        # The same parameter, which old files have by one of its two names.
        tensors.setdefault("cls.predictions.bias", decoder_bias)
    names = tensor_names(module)
    absent = _absent_submodules(names, tensors)
    state = {
        ours: _joined(theirs, tensors, source)
        for ours, theirs in names.items()
        if get_submodule(ours) not in absent
    }
    # After the encoder, whose absence says more.
    for submodule in absent:
        if submodule not in ("pooler", *fill_heads):
            raise ValueError(
                f"{source}: expected an {_MAY_BE_ABSENT[submodule][0]}, found none "
                f"among the {len(tensors)} tensors there. Take a checkpoint that was "
                "saved with it, or continue the pretraining of this one, which adds it."
            )
    expected = module.state_dict()
    for name, tensor in state.items():
        _check_tensor(name, tensor, expected[name], source)
    return state, absent


def _check_n_layers(config: BertConfig, names: Iterable[str], *, source: str) -> None:
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


def _joined(
    names: tuple[str, ...], tensors: Mapping[str, Tensor], source: str
) -> Tensor:
    """Floats of 32 bits or bytes. A single tensor stays in the mapped file."""
    missing = [name for name in names if name not in tensors]
    if missing:
        raise ValueError(
            f"{source}: expected the tensor {missing[0]!r}, which is not among the "
            f"{len(tensors)} tensors there. {_explain_absence(missing[0], tensors)}"
        )
    found = [tensors[name] for name in names]
    tensor = found[0] if len(found) == 1 else torch.cat(found)
    return tensor.float() if tensor.is_floating_point() else tensor


def _explain_absence(name: str, tensors: Iterable[str]) -> str:
    ending = name.removeprefix("bert.")
    for found in tensors:
        prefix = found.removesuffix(ending).removesuffix("bert.")
        if found.endswith(f".{ending}") and prefix:
            return (
                f"The names begin with {prefix!r}, which a wrapper around the model "
                "added. Save the weights of the model inside it, whose names begin "
                "with 'bert.'."
            )
    return "The checkpoint is incomplete; copy or export it again."


def _check_tensor(name: str, tensor: Tensor, expected: Tensor, source: str) -> None:
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
    if (
        not tensor.is_meta
        and not torch.isfinite(torch.stack(torch.aminmax(tensor))).all()
    ):
        raise ValueError(
            f"{source}: {name} holds values that are not finite. The training "
            "that wrote it diverged; take an earlier checkpoint."
        )


def _absent_submodules(
    names: Mapping[str, tuple[str, ...]], tensors: Mapping[str, Tensor]
) -> list[str]:
    """Those that a folder may lack and of which nothing is there."""
    wanted = {get_submodule(ours) for ours in names}
    found = {
        get_submodule(ours)
        for ours, theirs in names.items()
        if not tensors.keys().isdisjoint(theirs)
    }
    return [name for name in _MAY_BE_ABSENT if name in wanted - found]


def _initialize(module: BertEncoder | BertForPretraining, submodule: str) -> None:
    owner = module
    if submodule == "pooler" and isinstance(module, BertForPretraining):
        owner = module.encoder
    new = getattr(owner, submodule).to_empty(device="cpu")
    initialize_weights(new, std=module.config.initializer_range)
    if isinstance(new, MlmHead):
        nn.init.zeros_(new.bias)
