"""A dense layer that runs on the fastest exact kernel of its device.

On the CPU that is oneDNN's, and if no gradients are asked for, with a weight laid
out for it in advance. It is not part of torch's public interface, so it is looked for;
without it nothing but speed is lost.
"""

from typing import Any

import torch
from torch import Tensor, nn

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.mkldnn, "_linear_pointwise"
)


class Linear(nn.Linear):
    """(n, in_features) -> (n, out_features)

    Outside of training the weight is kept in oneDNN's layout too, which takes its size
    again in memory. What changes a weight in a way that torch does not count, as its
    fused optimizers do, must be followed by `torch.autograd.graph.increment_version`.
    """

    # The weight as it was, its address and version; and the same in oneDNN's layout.
    _laid_out: tuple[Tensor, int, int, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return self.predict(x)
        if not _has_kernel(x, self.weight):
            return super().forward(x)
        # A step is to follow, and training needs the memory.
        self._laid_out = None
        product: Tensor = _OneDnnLinear.apply(x, self.weight, self.bias)
        return product

    def predict(self, x: Tensor) -> Tensor:
        """As `forward` without gradients."""
        weight = self.weight
        if not _has_kernel(x, weight):
            return nn.functional.linear(x, weight, self.bias)
        return _product(x, self._lay_out(weight), self.bias)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "_laid_out"}

    def _lay_out(self, weight: Tensor) -> Tensor:
        # Before the values: a step that another thread takes meanwhile counts up
        # afterwards, and so what is half old and half new is not used again. Tensors of
        # inference mode count no versions.
        version = -1 if weight.is_inference() else weight._version
        state = weight.data_ptr(), version
        laid_out = self._laid_out
        if laid_out and laid_out[0] is weight and laid_out[1:3] == state:
            return laid_out[3]
        matrix: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)
        self._laid_out = weight, *state, matrix
        return matrix


def _has_kernel(x: Tensor, weight: Tensor) -> bool:
    return (
        _HAS_ONEDNN
        and not torch.compiler.is_compiling()
        and x.is_cpu
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


class _OneDnnLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (d_output,) = d_outputs
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            _product(d_output, weight.t(), None) if needs_x else None,
            d_output.t() @ x if needs_weight else None,
            d_output.sum(0) if needs_bias else None,
        )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(
        x, weight, bias, "none", [], ""
    )
    return product
