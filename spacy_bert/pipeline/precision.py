"""The number format that an encoder computes in."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

# fp32: 32 bits. bf16, fp16: on a GPU, 16 bits where that is safe (autocast); the CPU,
# which is slower in 16 bits, computes in 32. int8: weights of 8 bits, for prediction
# only, and on the CPU products of 8 bits.
Precision = Literal["fp32", "bf16", "fp16", "int8"]

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DEVICES_WITH_HALVES = ["cuda"]

# As in torch.amp.GradScaler.
_FIRST_FACTOR = 2.0**16
_GROWTH_INTERVAL = 2000


def autocast(
    precision: Precision, device: torch.device
) -> AbstractContextManager[object]:
    if precision not in _HALVES or device.type not in _DEVICES_WITH_HALVES:
        return nullcontext()
    return torch.autocast(device.type, _HALVES[precision])


class GradientScale:
    """A factor that keeps small gradients of fp16 from becoming 0 (Micikevicius et al.
    2018, "Mixed Precision Training", section 3.2); 1 for other precisions."""

    def __init__(self, precision: Precision) -> None:
        self._is_needed = precision == "fp16"
        self.factor = _FIRST_FACTOR if self._is_needed else 1.0
        self._n_good = 0

    def unscale(self, gradients: Sequence[Tensor]) -> bool:
        """Divide by the factor, in place, and adapt it. Returns False if a value
        is not finite, and the step must be left out."""
        if not self._is_needed:
            return True
        norms = torch.stack([torch.linalg.vector_norm(g) for g in gradients])
        is_finite = bool(torch.isfinite(norms).all())
        for gradient in gradients:
            gradient.div_(self.factor)
        self._n_good = self._n_good + 1 if is_finite else 0
        if not is_finite:
            self.factor /= 2.0
        elif self._n_good % _GROWTH_INTERVAL == 0:
            self.factor *= 2.0
        return is_finite
