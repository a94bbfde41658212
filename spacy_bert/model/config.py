"""The sizes of a BERT: checked once, then trusted."""

from dataclasses import dataclass, fields
from typing import Literal

Activation = Literal[
    "gelu",
    "gelu_new",
    "gelu_pytorch_tanh",
    "quick_gelu",
    "relu",
    "silu",
    "tanh",
    "mish",
]

# Building more takes minutes before anything else can be checked. The largest BERT so
# far has 3.9e9 parameters (Shoeybi et al. 2019, "Megatron-LM", table 4), and the
# deepest encoder 1,000 layers (Wang et al. 2022, "DeepNet").
_MAX_LAYERS = 1000
_MAX_PARAMETERS = 10**11


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """The architecture. Defaults are BERT-mini's widths (google-research/bert README)
    and the paper's constants (Devlin et al. 2018, section 3 and appendix A.2).

    Raises ValueError if a size is impossible.
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
        if self.max_positions < 3:
            raise ValueError(
                "max_positions must be at least 3, for [CLS], a piece and [SEP], got "
                f"{self.max_positions}."
            )
        if self.n_layers > _MAX_LAYERS:
            raise ValueError(
                f"n_layers must be at most {_MAX_LAYERS:,}, got {self.n_layers:,}."
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
        # Comparisons come last: who leaves out what is refused and tries again, to find
        # all mistakes, finds those of single values first.
        if self.hidden_width % self.n_heads:
            raise ValueError(
                "hidden_width must be a multiple of n_heads: got hidden_width="
                f"{self.hidden_width}, n_heads={self.n_heads}. Change one of them in "
                "the section of the config that describes the model."
            )
        if self.n_parameters > _MAX_PARAMETERS:
            raise ValueError(
                f"expected a model of at most {_MAX_PARAMETERS:,} parameters, got "
                f"{self.describe_size()}. Make it less."
            )

    @property
    def n_parameters(self) -> int:
        """Weights and biases of the encoder with its pooler."""
        return _count_parameters(**self._sizes())

    def describe_size(self) -> str:
        """ "one of 4,800,000 parameters, mostly because of hidden_width = 1,000" """
        sizes = self._sizes()
        without = {
            name: _count_parameters(**{**sizes, name: min(value, _SMALL_SIZES[name])})
            for name, value in sizes.items()
        }
        name = min(without, key=without.__getitem__)
        return (
            f"one of {self.n_parameters:,} parameters, mostly because of "
            f"{name} = {sizes[name]:,}"
        )

    def _sizes(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in _SMALL_SIZES}


# What makes a model large, and how much of it a small one has.
_SMALL_SIZES = {
    "vocab_size": 1,
    "hidden_width": 256,
    "n_layers": 4,
    "intermediate_width": 1024,
    "max_positions": 512,
    "n_segments": 2,
}


def _count_parameters(
    *,
    vocab_size: int,
    hidden_width: int,
    n_layers: int,
    intermediate_width: int,
    max_positions: int,
    n_segments: int,
) -> int:
    width = hidden_width
    n_embeddings = vocab_size + max_positions + n_segments
    # Query, key, value and output; two dense layers; two LayerNorms.
    attention = 4 * (width * width + width)
    dense = 2 * width * intermediate_width + intermediate_width + width
    layer = attention + dense + 4 * width
    return (n_embeddings + 2) * width + n_layers * layer + width * width + width
