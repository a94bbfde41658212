"""Which weights an encoder has, in few bytes: model -> hexadecimal digits."""

import hashlib
from typing import Any

import torch
from thinc.api import Model

from .encoding import get_shim


def fingerprint(model: Model[Any, Any]) -> str | None:
    """A hash of the weights and of the settings that change their vectors; None if
    there are no weights yet.

    Only weights that are vectors count, and the segments' embeddings: they are few,
    all training changes them, and 8-bit copies have them as they were.
    """
    shim = get_shim(model)
    if not shim.has_weights:
        return None
    tensors = [
        tensor.detach().float().flatten()
        for name, tensor in shim.encoder.state_dict().items()
        if name == "embeddings.segments.weight"
        or (tensor.ndim == 1 and not name.endswith(".scale"))
    ]
    choice = f"{model.attrs['layers']} {model.attrs['combine']}"
    digest = hashlib.blake2b(choice.encode("utf8"), digest_size=16)
    digest.update(torch.cat(tensors).cpu().numpy().tobytes())
    return digest.hexdigest()
