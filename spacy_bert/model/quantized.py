"""An encoder of 8-bit weights, for prediction only: four times smaller, and faster on
the CPU, where matrix products run in 8 bits too.

Weights have one scale for each output; what enters a product has one for each vector,
found as it comes, so a sequence's vectors do not depend on what else is in a batch (as
in Dettmers et al. 2022, "LLM.int8()", "vector-wise quantization").
"""

import platform

import torch
from torch import Tensor, nn

from .encoder import BertEncoder
from .layers import EncoderLayer
from .linear import Linear

# A weight takes 7 of its 8 bits: the kernels for CPUs without VNNI add two products of
# an unsigned byte and a weight in 16 bits, and 2 * 255 * 63 is the most that fits.
_Q_MAX = 63
# Embeddings only get looked up.
_Q_MAX_EMBEDDING = 127

_ROUNDS = 1.5 * 2.0**23

# The zero point, the unsigned byte that means 0.0: for values that are as often below 0
# as above, and for those after GELU, which gives at least -0.17.
_Q_ZERO, _Q_ZERO_AFTER_GELU = 128, 32

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

    def __init__(self, linear: nn.Linear, *, zero_point: int = _Q_ZERO) -> None:
        """zero_point: the unsigned byte that means 0.0 in what enters."""
        super().__init__()
        self.zero_point = zero_point
        weight, scale = _quantize_matrix(linear.weight.detach(), _Q_MAX)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", linear.bias.detach())
        self._laid_out: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        return self.predict(x)

    def predict(self, x: Tensor) -> Tensor:
        if _HAS_ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32:
            return self._product(x)
        weight = self.weight.to(x.dtype) * self.scale.to(x.dtype)[:, None]
        return nn.functional.linear(x, weight, self.bias.to(x.dtype))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_laid_out": None}

    def _product(self, x: Tensor) -> Tensor:
        weight, weight_zero_points = self._lay_out()
        x_bytes, x_scale = _to_bytes(x, self.zero_point)
        # The scale of each vector, and the bias, are applied afterwards. The last line
        # (output scale and zero point, no fused op) is unused for a float output.
        product = torch.ops.onednn.qlinear_pointwise(
            *(x_bytes, 1.0, self.zero_point),
            *(weight, self.scale, weight_zero_points, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        return torch.addcmul(self.bias, product, x_scale, out=product)

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
        weight, scale = _quantize_matrix(embedding.weight.detach(), _Q_MAX_EMBEDDING)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """(n,) -> (n, width)"""
        return self.weight[ids] * self.scale[ids][:, None]


def quantize(encoder: BertEncoder) -> BertEncoder:
    """Turn the weights of the layers and of the pieces' embeddings into 8 bits, in
    place; on the meta device, only their dtypes."""
    embeddings = encoder.embeddings
    embeddings.register_module("pieces", QuantizedEmbedding(embeddings.pieces))
    for module in list(encoder.layers.modules()):
        for name, child in module.named_children():
            if isinstance(child, Linear):
                is_after_gelu = isinstance(module, EncoderLayer) and name == "output"
                zero_point = _Q_ZERO_AFTER_GELU if is_after_gelu else _Q_ZERO
                quantized = QuantizedLinear(child, zero_point=zero_point)
                setattr(module, name, quantized)
    return encoder.requires_grad_(False)


def is_quantized(encoder: BertEncoder) -> bool:
    return isinstance(encoder.embeddings.pieces, QuantizedEmbedding)


def _quantize_matrix(matrix: Tensor, q_max: int) -> tuple[Tensor, Tensor]:
    """[[0.25, -1.0]] -> [[16, -63]], [1 / 63]"""
    # One scale for each row; a row of zeros has any.
    scale = matrix.abs().amax(dim=1).clamp(min=1e-12) / q_max
    return (matrix / scale[:, None]).round().to(torch.int8), scale


def _to_bytes(x: Tensor, zero_point: int) -> tuple[Tensor, Tensor]:
    """Unsigned bytes, of which `zero_point` means 0.0, and the scale of each vector,
    (n, 1). zero_point=128: [[-1.0, 0.0, 3.0]] -> [[86, 128, 254]], [[3 / 126]]"""
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    # Not up to 255, so that rounding cannot leave a byte; a vector of zeros has any
    # scale.
    scale = torch.maximum(high / (254 - zero_point), low / -zero_point)
    scale.clamp_(min=1e-30)
    # A float as large as _ROUNDS has no bits for fractions, so the sum is rounded, and
    # its lowest byte is the number. Five times as fast as rounding and converting.
    shifted = x.new_full(x.shape[1:], _ROUNDS + zero_point)
    sums = torch.addcmul(shifted, x, 1 / scale)
    return sums.view(torch.int32).to(torch.uint8), scale
