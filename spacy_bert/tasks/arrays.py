"""Thinc's arrays -> numpy's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def to_floats(array: Any) -> Floats:
    """A copy in 64 bits, from the GPU too."""
    on_cpu = array.get() if hasattr(array, "get") else array
    return np.array(on_cpu, dtype=np.float64)
