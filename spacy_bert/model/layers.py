"""One post-norm encoder layer: hidden states (n_pieces, hidden_width) -> the next."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .attention import SelfAttention
from .batch import PackedBatch
from .config import Activation, BertConfig
from .dropout import NO_DROPOUT, DropoutProbs, dropout
from .linear import Linear


class EncoderLayer(nn.Module):
    """Attention, then two dense layers; each is added to its input and normalized
    afterwards ("post-norm", Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, intermediate_width = config.hidden_width, config.intermediate_width
        eps, dtype = config.layer_norm_eps, torch.float32
        self.attention = SelfAttention(config)
        self.attention_norm = nn.LayerNorm(width, eps=eps, dtype=dtype)
        self.intermediate = Linear(width, intermediate_width, dtype=dtype)
        self.activation = make_activation(config.activation)
        self.output = Linear(intermediate_width, width, dtype=dtype)
        self.output_norm = nn.LayerNorm(width, eps=eps, dtype=dtype)

    def forward(
        self,
        hidden: Tensor,
        batch: PackedBatch,
        positions: Tensor | None,
        dropout_probs: DropoutProbs,
    ) -> Tensor:
        """Give vectors of all pieces, or only of those at `positions`,
        (n_positions,), which attend to all pieces."""
        if not torch.is_grad_enabled() and dropout_probs == NO_DROPOUT:
            return self.predict(hidden, batch, positions)
        prob = dropout_probs.hidden
        attended = self.attention(hidden, batch, positions, dropout_probs.attention)
        attended = dropout(attended, prob)
        if positions is not None:
            hidden = hidden.index_select(0, positions)
        hidden = self.attention_norm(hidden + attended)
        intermediate = self.activation(self.intermediate(hidden))
        normalized: Tensor = self.output_norm(
            hidden + dropout(self.output(intermediate), prob)
        )
        return normalized

    def predict(
        self, hidden: Tensor, batch: PackedBatch, positions: Tensor | None
    ) -> Tensor:
        """As `forward` without gradients and dropout, with few calls: they take as long
        as the arithmetic of a short text."""
        attention = self.attention
        n_pieces = hidden.shape[0]
        qkv = attention.project.predict(hidden).view(n_pieces, 3, attention.n_heads, -1)
        context = attention.attend(qkv, batch, 0.0).flatten(1)
        if positions is not None:
            hidden = hidden.index_select(0, positions)
            context = context.index_select(0, positions)
        hidden = _normalize(
            hidden + attention.output.predict(context), self.attention_norm
        )
        intermediate = self.activation(self.intermediate.predict(hidden))
        return _normalize(hidden + self.output.predict(intermediate), self.output_norm)


def _normalize(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    return torch.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class Gelu(nn.Module):
    """Overwrites its argument if no gradient is asked for."""

    def __init__(self, approximate: str) -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, hidden: Tensor) -> Tensor:
        gelu = torch.nn.functional.gelu
        if not hidden.requires_grad:
            gelu = torch.ops.aten.gelu_
        return gelu(hidden, approximate=self.approximate)


class QuickGelu(nn.Module):
    """x * sigmoid(1.702 x), the cheaper approximation (Hendrycks and Gimpel 2016,
    "Gaussian Error Linear Units", section 2)."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden * torch.sigmoid(1.702 * hidden)


def make_activation(name: Activation) -> nn.Module:
    modules: dict[str, Callable[[], nn.Module]] = {
        "gelu": lambda: Gelu("none"),
        "gelu_new": lambda: Gelu("tanh"),
        "gelu_pytorch_tanh": lambda: Gelu("tanh"),
        "quick_gelu": QuickGelu,
        "relu": nn.ReLU,
        "silu": nn.SiLU,
        "tanh": nn.Tanh,
        "mish": nn.Mish,
    }
    return modules[name]()
