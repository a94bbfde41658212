"""A learned mean of the encoder's layers, in a head of its own weights."""

from collections.abc import Callable
from typing import Any

from spacy import registry
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .config_errors import takes_config
from .listeners import expect_vector_kind


@registry.architectures("spacy-bert.LayerMix.v1")
@takes_config
def build_layer_mix(
    tok2vec: Model[list[Doc], list[Floats2d]], n_layers: int
) -> Model[list[Doc], list[Floats2d]]:
    """softmax(w) over the layers, times a scale (Peters et al. 2018, equation 1).

    tok2vec: a listener to an encoder with `combine = "concat"` and so many `layers`.

    (n_tokens, n_layers * hidden_width) -> (n_tokens, hidden_width), for each Doc.
    Raises ValueError if the width is not a multiple of n_layers.
    """
    expect_vector_kind(tok2vec, "tokens")
    total = tok2vec.get_dim("nO")
    if n_layers < 1 or total % n_layers:
        raise ValueError(
            f"spacy-bert.LayerMix.v1: expected a width of n_layers = {n_layers} times "
            f"the encoder's hidden_width, got {total}."
        )
    model: Model[list[Doc], list[Floats2d]] = Model(
        "layer_mix",
        _forward,
        init=_init,
        dims={"nO": total // n_layers, "n_layers": n_layers},
        params={"weights": None, "scale": None},
        layers=[tok2vec],
        refs={"tok2vec": tok2vec},
    )
    return model


def _init(
    model: Model[Any, Any], X: list[Doc] | None = None, Y: list[Floats2d] | None = None
) -> None:
    """Begins as the plain mean."""
    model.layers[0].initialize(X=X)
    model.set_param("weights", model.ops.alloc1f(model.get_dim("n_layers")))
    model.set_param("scale", model.ops.alloc1f(1) + 1.0)


def _forward(
    model: Model[Any, Any], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    n_layers, width = model.get_dim("n_layers"), model.get_dim("nO")
    xp: Any = model.ops.xp
    stacked, backprop_stacked = model.layers[0](docs, is_train)
    exponentials = xp.exp(model.get_param("weights"))
    mix_weights, scale = exponentials / exponentials.sum(), model.get_param("scale")
    split = [vectors.reshape(len(vectors), n_layers, width) for vectors in stacked]
    # (n_layers,) and (n_tokens, n_layers, width) -> (n_tokens, width)
    mixed = [xp.tensordot(x, mix_weights, (1, 0)) for x in split]

    def backprop(d_docs: list[Any]) -> list[Doc]:
        # How much each layer lies in the gradient's direction: (n_layers,).
        along = sum(
            xp.einsum("tw,tlw->l", d, x) for d, x in zip(d_docs, split, strict=True)
        )
        mean = (mix_weights * along).sum(keepdims=True)
        model.inc_grad("weights", scale * mix_weights * (along - mean))
        model.inc_grad("scale", mean)
        d_stacked: list[Doc] = backprop_stacked(
            [
                (scale * d[:, None, :] * mix_weights[None, :, None]).reshape(
                    len(d), n_layers * width
                )
                for d in d_docs
            ]
        )
        return d_stacked

    return [scale * x for x in mixed], backprop
