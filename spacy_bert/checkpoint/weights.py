"""A checkpoint's files of weights -> tensors by the names that they have there."""

import pickle
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from ..tokenization import read_settings
from .files import PICKLED_FILE, QUANTIZED_FILE, WEIGHTS_FILE, index_name
from .wrong_folder import describe_weights, is_pointer

# Bytes. Weights of fewer are copied into memory, so that a file that is written over or
# cut off changes no model that was loaded from it. More are mapped: a copy of its own
# for each process of a server would cost too much.
MAPPED_ABOVE = 2**29

# How a tensor's name ends, or one of several ways.
_Ending = str | tuple[str, ...]

# Under which training scripts keep the weights next to other things.
_KEYS = ("state_dict", "model_state_dict", "model")


def read_tensors(path: Path, name: str, *, ending: _Ending = "") -> dict[str, Tensor]:
    """Return the tensors of the file `name` in a checkpoint's folder, or of its shards,
    on the CPU.

    ending: leave out tensors whose names do not end so, or in one of these ways.

    Raises ValueError if a file is damaged or changes meanwhile, and FileNotFoundError
    if there is none.
    """
    files = _find_files(path, name, ending)
    is_mapped = sum(file.stat().st_size for file in files) > MAPPED_ABOVE
    tensors: dict[str, Tensor] = {}
    for file in files:
        if file.suffix == ".bin":
            found = _read_pickled(file)
            tensors |= {n: t for n, t in found.items() if n.endswith(ending)}
        else:
            tensors |= _read_safetensors(file, ending, is_mapped=is_mapped)
    return tensors


def read_shapes(path: Path, name: str) -> dict[str, Tensor]:
    """As `read_tensors`, on torch's device "meta": no weight is read, but in files of a
    format that has to be read whole."""
    tensors: dict[str, Tensor] = {}
    for file in _find_files(path, name, ending=""):
        if file.suffix == ".bin":
            found = _read_pickled(file, mmap=zipfile.is_zipfile(file))
        else:
            found = _read_safetensors(file, ending="", is_mapped=True)
        tensors |= {name: tensor.to("meta") for name, tensor in found.items()}
    return tensors


def _find_files(path: Path, name: str, ending: _Ending) -> list[Path]:
    """In the order in which `transformers` looks for them."""
    for whole in (name, PICKLED_FILE):
        if (path / whole).is_file():
            return [path / whole]
        index = path / index_name(whole)
        if index.is_file():
            return _find_shards(index, ending)
    if (path / QUANTIZED_FILE).is_file():
        raise ValueError(
            f"{path} holds 8-bit weights, which are for prediction only. Train the "
            "checkpoint that they were made from."
        )
    raise FileNotFoundError(
        f"{path}: expected {WEIGHTS_FILE} (or {PICKLED_FILE}), found neither."
        f"{describe_weights(path)}"
    )


def _find_shards(index: Path, ending: _Ending) -> list[Path]:
    """Those that hold tensors whose names end so."""
    shards = read_settings(index).get("weight_map")
    suffix = Path(index.name.removesuffix(".index.json")).suffix
    if (
        not isinstance(shards, dict)
        or not shards
        or not all(_is_inside(shard, suffix) for shard in shards.values())
    ):
        raise ValueError(
            f"{index}: expected weight_map to name a {suffix} file of the same folder "
            "for each tensor, got something else. Copy the checkpoint again, whole."
        )
    files = {index.parent / shards[n]: None for n in shards if n.endswith(ending)}
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: expected a part of the weights, which {index.name} names, "
                "found nothing there. Copy the checkpoint again, whole."
            )
    return list(files)


def _is_inside(shard: object, suffix: str) -> bool:
    """Whether it is a plain name, which cannot lead out of the folder."""
    return (
        isinstance(shard, str)
        and not {"/", "\\", "\0"} & {*shard}
        and Path(shard).suffix == suffix
    )


def _read_safetensors(
    path: Path, ending: _Ending, *, is_mapped: bool
) -> dict[str, Tensor]:
    try:
        if is_mapped:
            tensors = load_file(path)
            return {n: tensor for n, tensor in tensors.items() if n.endswith(ending)}
        return _copy_safetensors(path, ending)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise _unreadable(path, error) from error


def _copy_safetensors(path: Path, ending: _Ending) -> dict[str, Tensor]:
    before = path.stat()
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


def _read_pickled(path: Path, *, mmap: bool = False) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        # torch's own message is longer, and advises to run what is in the file.
        if is_pointer(path):
            raise _unreadable(path, error) from error
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
            "tensors as model.state_dict() gives it, got something else"
            f"{_describe_key(found)}. Save the "
            f"model with save_pretrained of transformers, as {WEIGHTS_FILE}."
        )
    return {str(name): tensor for name, tensor in found.items()}


def _describe_key(found: object) -> str:
    if isinstance(found, dict):
        for key in _KEYS:
            if isinstance(found.get(key), dict):
                return f": such a dict under the key {key!r}"
    return ""


def _is_dense(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_meta
    )


def _unreadable(path: Path, error: Exception) -> ValueError:
    if is_pointer(path):
        return ValueError(
            f"{path}: expected the weights, found the pointer that Git LFS has in "
            f"their place. Fetch them: git -C {path.parent} lfs pull"
        )
    return ValueError(
        f"{path}: the weights cannot be read ({error}). The file is truncated or not a "
        "checkpoint; copy it again."
    )
