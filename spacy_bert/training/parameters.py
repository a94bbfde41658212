"""The trained parameters of a pipeline, and what its optimizer knows of them.

Thinc's optimizer knows a parameter by the number of its layer, which is another one in
each process. A name here is the component's, the place of the layer in its model, and
the parameter's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from thinc.api import Model, Optimizer, torch2xp, xp2torch
from torch import Tensor

from ..processes.ranks import Ranks

Key = tuple[int, str]
Models = Mapping[str, Model[Any, Any]]

_ARRAYS = ("mom1", "mom2", "averages")
_COUNTS = ("nr_update", "last_seen")


class Parameter(Protocol):
    """name: shared by all processes. key: the optimizer's, of this one."""

    name: str
    key: Key

    @property
    def gradient(self) -> Tensor | None: ...

    @gradient.setter
    def gradient(self, gradient: Tensor) -> None: ...

    def zeros(self) -> Tensor: ...


class _LayerParameter:
    def __init__(self, layer: Model[Any, Any], param: str, name: str) -> None:
        self._layer, self._param = layer, param
        self.name, self.key = name, (layer.id, param)

    @property
    def gradient(self) -> Tensor | None:
        """Shares its memory."""
        gradient = self._layer.maybe_get_grad(self._param)
        return None if gradient is None else xp2torch(gradient)

    @gradient.setter
    def gradient(self, gradient: Tensor) -> None:
        self._layer.set_grad(self._param, torch2xp(gradient))  # type: ignore[arg-type]

    def zeros(self) -> Tensor:
        return torch.zeros_like(xp2torch(self._layer.get_param(self._param)))


class _TorchParameter:
    """A torch module's, inside a layer."""

    def __init__(self, parameter: torch.nn.Parameter, name: str, key: Key) -> None:
        self._parameter = parameter
        self.name, self.key = name, key

    @property
    def gradient(self) -> Tensor | None:
        gradient = self._parameter.grad
        if gradient is None or not gradient.is_sparse:
            return gradient
        return gradient.to_dense()

    @gradient.setter
    def gradient(self, gradient: Tensor) -> None:
        self._parameter.grad = gradient

    def zeros(self) -> Tensor:
        return torch.zeros_like(self._parameter)


def trained_models(nlp: Language, frozen: Sequence[str]) -> dict[str, Model[Any, Any]]:
    """By component: those that spaCy's loop updates."""
    components: dict[str, Any] = dict(nlp.pipeline)
    return {
        name: component.model
        for name, component in components.items()
        if name not in frozen
        and getattr(component, "is_trainable", False)
        and component.model not in (True, False, None)
    }


def parameters_of(models: Models) -> list[Parameter]:
    """In the same order in each process. One that several components share is the
    first one's."""
    found: dict[Key, Parameter] = {}
    for component, model in models.items():
        for parameter in _parameters(model, component):
            found.setdefault(parameter.key, parameter)
    return list(found.values())


def _parameters(model: Model[Any, Any], component: str) -> Iterator[Parameter]:
    for i, layer in enumerate(model.walk()):
        for param in layer.param_names:
            if layer.has_param(param):
                yield _LayerParameter(layer, param, f"{component}/{i}/{param}")
        for j, shim in enumerate(layer.shims):
            module = getattr(shim, "_model", None)
            if isinstance(module, torch.nn.Module):
                for param, parameter in module.named_parameters():
                    name = f"{component}/{i}/{j}/{param}"
                    yield _TorchParameter(parameter, name, (shim.id, param))


def sum_gradients(models: Models, ranks: Ranks) -> None:
    """Gradients of all ranks -> their sums, the same on each.

    A parameter that no rank has a gradient of stays without one. If some have, the
    others add zeros, such as for a head whose annotation they did not see.
    """
    if ranks.n == 1:
        return
    # Whatever loads weights may have made other parameters of them.
    parameters = parameters_of(models)
    gradients = [parameter.gradient for parameter in parameters]
    n_ranks = ranks.sum(*(gradient is not None for gradient in gradients))
    for parameter, gradient, n in zip(parameters, gradients, n_ranks, strict=True):
        if n:
            own = parameter.zeros() if gradient is None else gradient
            parameter.gradient = ranks.sum_tensor(own)


def read_optimizer(
    optimizer: Optimizer, parameters: Iterable[Parameter]
) -> dict[str, Any]:
    """What it knows of each parameter, without its schedules.

    Thinc leaves zeros where there was a gradient, which move the parameter in the next
    step too, as Adam has momentum. So it counts which parameters have one.
    """
    parameters = list(parameters)
    names = {parameter.key: parameter.name for parameter in parameters}
    state: dict[str, Any] = {
        "gradients": [p.name for p in parameters if p.gradient is not None]
    }
    for attribute in _ARRAYS:
        arrays = getattr(optimizer, attribute) or {}
        state[attribute] = {
            names[key]: _to_numpy(array)
            for key, array in arrays.items()
            if key in names
        }
    for attribute in _COUNTS:
        counts = getattr(optimizer, attribute)
        state[attribute] = {names[k]: n for k, n in counts.items() if k in names}
    return state


def set_optimizer(
    optimizer: Optimizer, parameters: Iterable[Parameter], state: Mapping[str, Any]
) -> None:
    """The contrary of `read_optimizer`."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for name in state["gradients"]:
        by_name[name].gradient = by_name[name].zeros()
    for attribute in _ARRAYS:
        for name, array in state[attribute].items():
            parameter = by_name[name]
            tensor = torch.from_numpy(array.copy()).to(parameter.zeros().device)
            getattr(optimizer, attribute)[parameter.key] = torch2xp(tensor)
    for attribute in _COUNTS:
        for name, n in state[attribute].items():
            getattr(optimizer, attribute)[by_name[name].key] = n


def gradient_scales(models: Models) -> list[Any]:
    """Those of encoders in fp16, which change while they are trained."""
    shims = chain.from_iterable(
        layer.shims for model in models.values() for layer in model.walk()
    )
    return [shim.gradient_scale for shim in shims if hasattr(shim, "gradient_scale")]


def _to_numpy(array: Any) -> NDArray[Any]:
    # CuPy's have get().
    return np.asarray(array.get() if hasattr(array, "get") else array)
