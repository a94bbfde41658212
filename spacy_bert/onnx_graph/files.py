"""BertEncoder -> an ONNX file, or two if one could not hold it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..model.encoder import BertEncoder
from .encoder import make_onnx_model

# A file of protobuf has at most 2 GiB; all but the weights takes less than the rest.
_MAX_BYTES = 2**31 - 2**24


def save_onnx_model(
    encoder: BertEncoder,
    path: Path,
    *,
    layers: Sequence[int] = (),
    has_pooler: bool = True,
    weights_apart: bool = False,
) -> None:
    """Write what `make_onnx_model` makes of the encoder.

    weights_apart: whether weights go into a second file next to it, `path` with
        ".data", which ONNX Runtime finds by itself. More than 2 GB always do.
    """
    make = partial(make_onnx_model, encoder, layers=layers, has_pooler=has_pooler)
    n_bytes = sum(tensor.nbytes for tensor in encoder.state_dict().values())
    if n_bytes <= _MAX_BYTES and not weights_apart:
        model = make()
    else:
        with path.with_name(f"{path.name}.data").open("wb") as data:
            model = make(data=data)
    path.write_bytes(model.SerializeToString())
