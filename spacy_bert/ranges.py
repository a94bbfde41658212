"""Ranges of whole numbers, all at once."""

import numpy as np
from numpy.typing import NDArray


def expand_ranges(
    starts: NDArray[np.int64], widths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The numbers of each range, one range after the other.

    Example: starts [7, 2], widths [3, 2] -> [7, 8, 9, 2, 3]
    """
    before = np.cumsum(widths) - widths
    return np.repeat(starts - before, widths) + np.arange(widths.sum())
