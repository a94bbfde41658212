"""Where sentences and documents begin and end."""

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Offsets:
    """Ascending numbers of at least 0, in 4 bytes each if they fit, as int64.

    numpy would copy all of them to search for numbers of another type, and 4 bytes
    overflow when they are added to.
    """

    def __init__(self, stored: ArrayLike) -> None:
        self.stored = np.asarray(stored)

    def __len__(self) -> int:
        return len(self.stored)

    @overload
    def __getitem__(self, i: int) -> np.int64: ...
    @overload
    def __getitem__(self, i: slice | NDArray[Any]) -> NDArray[np.int64]: ...
    def __getitem__(self, i: Any) -> Any:
        return self.stored[i].astype(np.int64)

    def __array__(self, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        return self[:]

    def search(
        self, numbers: NDArray[np.int64], side: Literal["left", "right"] = "left"
    ) -> NDArray[np.int64]:
        """np.searchsorted(self, numbers, side)"""
        dtype = self.stored.dtype
        numbers = np.minimum(numbers, np.iinfo(dtype).max).astype(dtype)
        return np.searchsorted(self.stored, numbers, side)


def offset_dtype(last: int) -> np.dtype:
    """The type of the fewest bytes in which `last`, and a number after it, fit."""
    return np.dtype("<u4" if last < np.iinfo(np.uint32).max else "<i8")
