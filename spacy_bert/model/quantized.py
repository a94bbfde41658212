"""An encoder of 8-bit weights, for prediction only: four times smaller, and faster on
the CPU, where matrix products run in 8 bits too.

Weights have one scale for each output; what enters a product has one for each row,
found as it comes, so a sequence's vectors do not depend on what else is in a batch (as
in Dettmers et al. 2022, "LLM.int8()", "vector-wise quantization").
"""

import platform

import torch
from torch import Tensor, nn

from .encoder import BertEncoder
from .linear import Linear

# A weight takes 7 of its 8 bits: the kernels for CPUs without VNNI add two products of
# an unsigned byte and a weight in 16 bits, and 2 * 255 * 63 is the most that fits.
_LARGEST = 63
# Embeddings only get looked up.
_LARGEST_EMBEDDING = 127

_ROUNDS = 1.5 * 2.0**23

# Which unsigned byte means 0.0: where numbers are as often below as above, and after
# GELU, which gives at least -0.17.
_MIDDLE, _LOW = 128, 32

# As in `linear`, oneDNN's product is looked for.
_HAS_ONEDNN = (
    torch.backends.mkldnn.is_available()
    and platform.machine().lower() in ("x86_64", "amd64")
    and hasattr(torch.ops.onednn, "qlinear_pointwise")
)


class QuantizedLinear(nn.Module):
    """weight: int8, (out_features, in_features), times scale, (out_features,)."""

    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, linear: nn.Linear, *, zero: int = _MIDDLE) -> None:
        """zero: the unsigned byte that means 0.0 in what enters."""
        super().__init__()
        self.zero = zero
        weight, scale = _quantize_rows(linear.weight.detach(), _LARGEST)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", linear.bias.detach())
        self._laid_out: tuple[Tensor, Tensor] | None = None

    def forward(self, rows: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        if _HAS_ONEDNN and rows.device.type == "cpu" and rows.dtype == torch.float32:
            return self._product(rows)
        weight = self.weight.to(rows.dtype) * self.scale.to(rows.dtype)[:, None]
        return nn.functional.linear(rows, weight, self.bias.to(rows.dtype))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_laid_out": None}

    def _product(self, rows: Tensor) -> Tensor:
        weight, zeros = self._lay_out()
        rows_as_bytes, steps = _to_bytes(rows, self.zero)
        # The steps, which differ by row, and the bias come after. The last line is the
        # output's scale and zero, which floats do without, and nothing to do with it.
        product = torch.ops.onednn.qlinear_pointwise(
            *(rows_as_bytes, 1.0, self.zero),
            *(weight, self.scale, zeros, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        return torch.addcmul(self.bias, product, steps, out=product)

    def _lay_out(self) -> tuple[Tensor, Tensor]:
        if self._laid_out is None:
            weight = torch.ops.onednn.qlinear_prepack(self.weight, None)
            self._laid_out = weight, torch.zeros_like(self.scale, dtype=torch.int32)
        return self._laid_out


class QuantizedEmbedding(nn.Module):
    """weight: int8, (n_embeddings, width), times scale, (n_embeddings,)."""

    weight: Tensor
    scale: Tensor

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        weight, scale = _quantize_rows(embedding.weight.detach(), _LARGEST_EMBEDDING)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """(n,) -> (n, width)"""
        return self.weight[ids] * self.scale[ids][:, None]


def quantize(encoder: BertEncoder) -> BertEncoder:
    """Turn the weights of the layers and of the pieces' embeddings into 8 bits, in
    place; on the meta device, only their kind."""
    embeddings = encoder.embeddings
    embeddings.register_module("pieces", QuantizedEmbedding(embeddings.pieces))
    for part in list(encoder.layers.modules()):
        for name, child in part.named_children():
            if isinstance(child, Linear):
                zero = _LOW if name == "contract" else _MIDDLE
                setattr(part, name, QuantizedLinear(child, zero=zero))
    return encoder.requires_grad_(False)


def is_quantized(encoder: BertEncoder) -> bool:
    return isinstance(encoder.embeddings.pieces, QuantizedEmbedding)


def _quantize_rows(matrix: Tensor, largest: int) -> tuple[Tensor, Tensor]:
    """[[0.25, -1.0]] -> [[16, -63]], [1 / 63]"""
    # A row of zeros has any scale.
    scale = matrix.abs().amax(dim=1).clamp(min=1e-12) / largest
    return (matrix / scale[:, None]).round().to(torch.int8), scale


def _to_bytes(rows: Tensor, zero: int) -> tuple[Tensor, Tensor]:
    """Unsigned bytes, of which `zero` means 0.0, and what a step of them is worth in
    each row, (n, 1). zero=128: [[-1.0, 0.0, 3.0]] -> [[86, 128, 254]], [[3 / 126]]"""
    low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
    # Not up to 255, so that rounding cannot leave a byte; a row of zeros has any step.
    steps = torch.maximum(high / (254 - zero), low / -zero).clamp_(min=1e-30)
    # A float as large as _ROUNDS has no bits for fractions, so the sum is rounded, and
    # its lowest byte is the number. Five times as fast as rounding and converting.
    sums = torch.addcmul(rows.new_full(rows.shape[1:], _ROUNDS + zero), rows, 1 / steps)
    return sums.view(torch.int32).to(torch.uint8), steps
