"""Docs -> vectors, through one torch module, and gradients the way back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from spacy.tokens import Doc
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ..model.dropout import DropoutProbs
from .alignment import align
from .engines import HiddenStates
from .listeners import VectorKind
from .precision import autocast
from .shim import BertShim
from .token_vectors import LayerChoice, encode_windows
from .trf_data import Window
from .windows import WindowBatch, make_window_batches


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """tokens: one (n_tokens, hidden_width) a Doc; cls and pooled: (n_docs,
    hidden_width). windows: those of each Doc, if they were kept."""

    tokens: list[Floats2d]
    cls: Floats2d
    pooled: Floats2d
    windows: Sequence[Sequence[Window]] | None = None


# For each kind of vectors that listeners take; those of tokens end to end,
# (n_tokens, ...).
Gradients = Mapping[VectorKind, Floats2d]


def check_trainable(shim: BertShim) -> None:
    """Raises ValueError if the weights are of 8 bits."""
    if shim.precision == "int8" and shim.freeze != "all":
        raise ValueError(
            "An encoder with precision = 'int8' cannot be trained. Train with 'fp32' "
            "and quantize the result with 'spacy bert quantize', or set freeze = 'all' "
            "to train the heads alone."
        )


def get_shim(model: Model[Any, Any], *, component: str | None = None) -> BertShim:
    """Return the encoder and vocabulary of a model made by `build_bert_encoder`.

    component: the name of the encoder in its pipeline, for the error.

    Raises ValueError for a model of another architecture.
    """
    for shim in model.shims:
        if isinstance(shim, BertShim):
            return shim
    section = f"[components.{component}.model]: e" if component else "E"
    raise ValueError(
        f"{section}xpected @architectures = "
        f"'spacy-bert.BertEncoder.v1', got a model named {model.name!r}."
    )


def find_shims(model: Model[Any, Any]) -> list[BertShim]:
    """The encoders anywhere in a model, such as a head's own."""
    return [
        shim
        for node in model.walk()
        for shim in node.shims
        if isinstance(shim, BertShim)
    ]


def encode_docs(
    model: Model[Any, Any],
    docs: Sequence[Doc],
    is_train: bool,
    *,
    keep: Callable[[WindowBatch, torch.Tensor], None] | None = None,
) -> tuple[Encoded, Callable[[Gradients], None]]:
    """Vectors of the Docs, and a callback that sends gradients through the encoder.

    keep: as `encode_windows` takes it.
    """
    shim = get_shim(model)
    encoder, device = shim.encoder, shim.device
    if not docs:
        no_vectors = model.ops.alloc2f(0, encoder.config.hidden_width)
        empty = Encoded(tokens=[], cls=no_vectors, pooled=no_vectors)
        return empty, lambda gradients: None
    # A frozen encoder gives the same features every time, without dropout.
    is_train = is_train and shim.freeze != "all"
    if is_train:
        check_trainable(shim)
    choice = LayerChoice(
        layers=tuple(model.attrs["layers"]), combine=model.attrs["combine"]
    )
    if is_train:
        # One chance for hidden states and for attention (Devlin et al. 2018, A.2).
        prob = model.attrs["dropout_rate"]
        probs = DropoutProbs(hidden=prob, attention=prob)
        hidden_states: HiddenStates = partial(
            encoder.hidden_states, dropout_probs=probs
        )
    else:
        hidden_states = shim.hidden_states
    alignment = align(
        docs, shim.tokenizer, pair_separator=model.attrs["pair_separator"]
    )
    with (
        # A caller's mode would leave no gradients, without a word.
        torch.inference_mode(False),
        torch.set_grad_enabled(is_train),
        autocast(shim.precision, device),
    ):
        vectors = encode_windows(
            encoder,
            make_window_batches(
                alignment,
                shim.tokenizer,
                width=model.attrs["window_width"],
                overlap=model.attrs["window_overlap"],
                max_batch_pieces=model.attrs["max_batch_pieces"]
                or _default_batch_pieces(shim, device, is_train),
            ),
            choice,
            hidden_states=hidden_states,
            n_tokens=alignment.n_tokens,
            n_docs=len(docs),
            device=device,
            keep=keep,
        )

    @torch.inference_mode(False)
    def backprop(gradients: Gradients) -> None:
        outputs, scaled = [], []
        for kind, gradient in gradients.items():
            output = getattr(vectors, kind)
            # Not those of layers that are all frozen.
            if output.requires_grad:
                outputs.append(output)
                scaled.append(
                    xp2torch(gradient, device=device) * shim.gradient_scale.factor
                )
        if outputs:
            torch.autograd.backward(outputs, scaled)

    tokens = cast(Floats2d, torch2xp(vectors.tokens.detach()))
    ends = [0]
    for doc in docs:
        ends.append(ends[-1] + len(doc))
    encoded = Encoded(
        tokens=[tokens[i:j] for i, j in zip(ends, ends[1:], strict=False)],
        cls=cast(Floats2d, torch2xp(vectors.cls.detach())),
        pooled=cast(Floats2d, torch2xp(vectors.pooled.detach())),
    )
    return encoded, backprop


def _default_batch_pieces(shim: BertShim, device: torch.device, is_train: bool) -> int:
    """What measured fastest with MiniLM (benchmarks/LOG.md)."""
    if device.type != "cpu":
        return 16384
    return 2048 if is_train or shim.precision == "int8" else 1024
