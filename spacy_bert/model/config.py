"""The numbers of a BERT: checked once, then trusted."""

from dataclasses import dataclass, fields
from typing import Literal

Activation = Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"]


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """The architecture. Defaults are BERT-mini's widths (google-research/bert README)
    and the paper's constants (Devlin et al. 2018, section 3 and appendix A.2).

    Raises ValueError where a size is impossible.
    """

    vocab_size: int
    hidden_width: int = 256
    n_layers: int = 4
    n_heads: int = 4
    intermediate_width: int = 1024
    max_positions: int = 512
    n_segments: int = 2
    # "gelu" is the exact erf form of the released weights; the "new" and "tanh" forms
    # are the approximation that google-research/bert took up in February 2019.
    activation: Activation = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_dropout_prob: float = 0.1
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 1):
                raise ValueError(
                    f"{field.name} must be a whole number of at least 1, got "
                    f"{value!r}. Change it in the section of the config that describes "
                    "the model."
                )
            if field.type is float and type(value) not in (int, float):
                raise ValueError(f"{field.name} must be a number, got {value!r}.")
        if self.hidden_width % self.n_heads:
            raise ValueError(
                "hidden_width must be a multiple of n_heads: got hidden_width="
                f"{self.hidden_width}, n_heads={self.n_heads}. Change one of them in "
                "the section of the config that describes the model."
            )
        if self.activation not in Activation.__args__:  # type: ignore[attr-defined]
            raise ValueError(
                f"activation must be one of {Activation.__args__}, "  # type: ignore[attr-defined]
                f"got {self.activation!r}."
            )
        for name in ("layer_norm_eps", "initializer_range"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(
                    f"{name} must be above 0 and at most 1, got {getattr(self, name)}."
                )
        for name in ("hidden_dropout_prob", "attention_dropout_prob"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(
                    f"{name} must lie in [0, 1), got {getattr(self, name)}."
                )
