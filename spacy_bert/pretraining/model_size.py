"""Whether this machine could hold a model."""

import os
from dataclasses import fields, replace
from typing import Any

from ..model import BertConfig

# What makes a model large -> its value in a small one.
_SIZES: dict[str, Any] = {
    field.name: 1 if field.name == "vocab_size" else field.default
    for field in fields(BertConfig)
    if field.type is int
}


def check_memory(config: BertConfig) -> None:
    """Raises ValueError if the weights alone take more memory than the machine has, and
    names the number that is to blame."""
    n_bytes, memory = 4 * config.n_parameters, _memory_bytes()
    if memory is None or n_bytes <= memory:
        return
    smaller = {
        name: replace(config, n_heads=1, **{name: value}).n_parameters
        for name, value in _SIZES.items()
        if getattr(config, name) > value
    }
    largest = min(smaller, key=smaller.__getitem__)
    raise ValueError(
        f"[model]: expected a model that fits into {memory / 1e9:,.0f} GB of memory, "
        f"got one of {n_bytes // 4:,} parameters, which take {n_bytes / 1e9:,.0f} GB, "
        f"mostly because of {largest} = {getattr(config, largest):,}. Make it less."
    )


def _memory_bytes() -> int | None:
    """None if the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
