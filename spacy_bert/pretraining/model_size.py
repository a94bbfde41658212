"""Whether this machine could hold a model."""

import os

from ..model import BertConfig


def check_memory(config: BertConfig) -> None:
    """Raises ValueError if the weights alone take more memory than the machine has, and
    names the number that is to blame."""
    n_bytes, memory = 4 * config.n_parameters, _memory_bytes()
    if memory is None or n_bytes <= memory:
        return
    raise ValueError(
        f"[model]: expected a model that fits into {memory / 1e9:,.0f} GB of memory, "
        f"got {config.describe_size()}, which takes {n_bytes / 1e9:,.0f} GB. Make it "
        "less."
    )


def _memory_bytes() -> int | None:
    """None if the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
