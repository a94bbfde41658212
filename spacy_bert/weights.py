"""A checkpoint's file of weights -> tensors by the names that they have there."""

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

WEIGHTS_FILE = "model.safetensors"
QUANTIZED_FILE = "model.int8.safetensors"
_PICKLED_FILE = "pytorch_model.bin"

# Bytes. Smaller files of weights are copied into memory, so that a file that is written
# over or cut off changes no model that was loaded from it. Larger ones are mapped:
# a copy of its own for each process of a server would cost too much.
MAPPED_ABOVE = 2**29


def read_tensors(
    path: Path, name: str, *, ending: str | tuple[str, ...] = ""
) -> dict[str, Tensor]:
    """Return the tensors of the file `name` in a checkpoint's folder, on the CPU.

    ending: leave out tensors whose names do not end so, or in one of these ways.

    Raises ValueError if the file is damaged or changes meanwhile, and FileNotFoundError
    if there is none.
    """
    safe, pickled = path / name, path / _PICKLED_FILE
    try:
        if safe.is_file():
            return _read_safetensors(safe, ending)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise _unreadable(safe, error) from error
    if pickled.is_file():
        tensors = _read_pickled(pickled)
        return {n: tensor for n, tensor in tensors.items() if n.endswith(ending)}
    if (path / QUANTIZED_FILE).is_file():
        raise ValueError(
            f"{path} holds 8-bit weights, which are for prediction only. Train the "
            "checkpoint that they were made from."
        )
    raise FileNotFoundError(
        f"{path}: expected {WEIGHTS_FILE} (or {_PICKLED_FILE}), found neither."
    )


def _read_safetensors(path: Path, ending: str | tuple[str, ...]) -> dict[str, Tensor]:
    before = path.stat()
    if before.st_size > MAPPED_ABOVE:
        tensors = load_file(path)
        return {n: tensor for n, tensor in tensors.items() if n.endswith(ending)}
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.endswith(ending)]
    tensors = {}
    for name in names:
        # Opened for each tensor, so that the pages that were read leave the process
        # with the file: otherwise the peak is twice the weights.
        with safe_open(path, framework="pt") as file:
            tensors[name] = file.get_tensor(name).clone()
    after = path.stat()
    if (before.st_ino, before.st_mtime_ns) != (after.st_ino, after.st_mtime_ns):
        raise OSError("it changed while it was read")
    return tensors


def _read_pickled(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, or none, and is not loaded: that could "
            f"run what is in it. Save the model as {WEIGHTS_FILE}."
        ) from error
    # Damaged pickles may raise anything, as the documentation of `pickle` says.
    except Exception as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, dict) or not all(map(_is_dense, found.values())):
        raise ValueError(
            f"{path}: expected the weights of a BERT, a dict of names and dense "
            "tensors as model.state_dict() gives it, got something else. Save the "
            f"model with save_pretrained of transformers, as {WEIGHTS_FILE}."
        )
    return {str(name): tensor for name, tensor in found.items()}


def _is_dense(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_meta
    )


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path}: the weights cannot be read ({error}). The file is truncated or not a "
        "checkpoint; copy it again."
    )
