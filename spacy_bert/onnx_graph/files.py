"""ModelProto -> a file, or two if one could not hold it."""

from pathlib import Path

import onnx
from onnx import ModelProto

# A file of protobuf has at most 2 GiB; the nodes take less than the rest.
_MAX_BYTES = 2**31 - 2**24


def save_onnx_model(model: ModelProto, path: Path) -> None:
    """Write the model. If its weights take more than 2 GB they go into a second file
    next to it, `path` with ".data", which ONNX Runtime finds by itself.

    The model's weights are gone then: save it once.
    """
    n_bytes = sum(len(constant.raw_data) for constant in model.graph.initializer)
    if n_bytes <= _MAX_BYTES:
        onnx.save_model(model, path)
        return
    onnx.save_model(
        model, path, save_as_external_data=True, location=f"{path.name}.data"
    )
