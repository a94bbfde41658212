"""A trained head's layers -> layers with more outputs, or fewer.

Each changed layer is a new node with an id of its own. Optimizers keep their state by
node and parameter, so the state of the old shape is left behind; with it, Thinc's Adam
would read past the end of its arrays.
"""

from copy import deepcopy
from typing import Any

from thinc.api import Model

# What an output that must not win yet scores below the least likely of the others.
RARE_OUTPUT = -10.0


def resize_output(
    model: Model[Any, Any], n_outputs: int, *, is_rare: bool = False
) -> Model[Any, Any]:
    """Give a head's "output_layer" so many outputs; returns the head.

    Rows that were learned stay; new ones are drawn as at the start.

    is_rare: the outputs compete, as under softmax, and a new one begins with a
        probability near zero, so that predictions stay as they were.
    """
    layer = model.get_ref("output_layer")
    n_before = layer.maybe_get_dim("nO")
    # Until labels and dimensions are known, there is nothing to change.
    if n_before in (None, n_outputs):
        return model
    resized = resize_layer(layer, n_outputs)
    if is_rare and resized.has_param("b"):
        bias: Any = resized.get_param("b")
        bias[n_before:] = bias[:n_before].min() + RARE_OUTPUT
        resized.set_param("b", bias)
    replace_layer(model, layer, resized)
    return model


def resize_layer(layer: Model[Any, Any], n_outputs: int) -> Model[Any, Any]:
    """Return a layer with so many outputs along each axis that had nO of them."""
    resized: Model[Any, Any] = Model(
        layer.name,
        layer._func,
        init=layer.init,
        dims={dim: layer.maybe_get_dim(dim) for dim in layer.dim_names},
        params=dict.fromkeys(layer.param_names),
        attrs=deepcopy(layer.attrs),
        ops=layer.ops,
    )
    resized.set_dim("nO", n_outputs, force=True)
    names = [name for name in layer.param_names if layer.has_param(name)]
    if names:
        resized.initialize()
    for name in names:
        old: Any = layer.get_param(name)
        new: Any = resized.get_param(name)
        kept = tuple(
            slice(min(sizes)) for sizes in zip(old.shape, new.shape, strict=True)
        )
        new[kept] = old[kept]
        resized.set_param(name, new)
    return resized


def replace_layer(
    model: Model[Any, Any], old: Model[Any, Any], new: Model[Any, Any]
) -> None:
    """Replace a layer by another one, and tell those around it its width."""
    n_before = old.maybe_get_dim("nO")
    model.replace_node(old, new)
    for node in model.walk():
        is_around = any(inner is new for inner in node.walk())
        if is_around and node.maybe_get_dim("nO") == n_before:
            node.set_dim("nO", new.get_dim("nO"), force=True)
