"""Libraries that compute an encoder's hidden states while predicting, in torch's place.

An engine is imported when a model asks for it. Training is torch's alone.
"""

from collections.abc import Callable, Collection
from importlib.util import find_spec
from typing import Literal, Protocol, TypeAlias

from spacy.util import logger
from torch import Tensor

from ...model.batch import PackedBatch
from ...model.encoder import BertEncoder

EngineName = Literal["torch", "onnxruntime"]

# As `BertEncoder.hidden_states` without dropout.
HiddenStates: TypeAlias = Callable[[PackedBatch, Collection[int]], dict[int, Tensor]]


class Engine(Protocol):
    def hidden_states(
        self, batch: PackedBatch, wanted: Collection[int]
    ) -> dict[int, Tensor]: ...


def make_engine(name: EngineName, encoder: BertEncoder) -> Engine:
    """Return what computes an encoder's layers while predicting on the CPU.

    It is torch, with a warning, if the other library is not installed.
    """
    if name == "torch":
        return encoder
    missing = [m for m in ("onnx", "onnxruntime") if find_spec(m) is None]
    if missing:
        logger.warning(
            "engine = 'onnxruntime': expected the package %s, found none, so torch "
            "predicts, with the same vectors to 1e-4. Install it: pip install "
            "'spacy-bert[onnx]'",
            " and ".join(missing),
        )
        return encoder
    from .onnx_runtime import OnnxRuntimeEngine

    return OnnxRuntimeEngine(encoder)
