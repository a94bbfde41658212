"""Numbers as people read them, values of ticks, and fewer rows than there are."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import TypeVar

Point = tuple[float, float]
Item = TypeVar("Item")

# A range that is no wider, of its numbers or at all, is one number.
_SAME, _TINY = 1e-9, 1e-15


def shorten(value: float) -> str:
    """12000 -> "12k", 7930000 -> "7.9M", 0.0005 -> "0.0005" """
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.6g}"


def ticks(low: float, high: float, *, n: int = 5) -> list[float]:
    """About `n` round numbers from one below `low` to one above `high`.

    (0.2, 9.1) -> 0, 2, 4, 6, 8, 10
    """
    size = max(abs(low), abs(high))
    if high - low <= max(_SAME * size, _TINY):
        margin = size / 2 if size > _TINY else 0.5
        low, high = low - margin, high + margin
    rough = (high - low) / n
    magnitude = 10.0 ** floor(log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough * 0.99)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten around the range; powers alone if it is wide.

    (3, 40) -> 2, 5, 10, 20, 50
    """
    if high <= low * (1 + _SAME):
        low, high = low / 2, high * 2
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    factors = (1, 2, 5) if len(exponents) <= 4 else (1,)
    values = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    first = max(i for i, value in enumerate(values) if value <= low or i == 0)
    last = min(i for i, value in enumerate(values) if value >= high)
    return values[first : last + 1]


def thin(points: Sequence[Point], n_points: int) -> list[Point]:
    """At most about `n_points` of them: from each bin the lowest and the highest,
    so that no spike is lost, and the first and the last of all."""
    if len(points) <= n_points:
        return list(points)
    size = 2 * len(points) / n_points
    kept = {0, len(points) - 1}
    for number in range(n_points // 2):
        indices = range(floor(number * size), floor((number + 1) * size))
        kept.add(min(indices, key=lambda i: points[i][1]))
        kept.add(max(indices, key=lambda i: points[i][1]))
    return [points[i] for i in sorted(kept)]


def evenly(items: Sequence[Item], n: int) -> list[Item]:
    """The first, the last, and some between."""
    if len(items) <= n:
        return list(items)
    return [items[round(i * (len(items) - 1) / (n - 1))] for i in range(n)]


def format_time(seconds: float) -> str:
    """3725.0 -> "1:02:05", 360000.0 -> "4d 4h" """
    minutes, whole_seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 100:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}:{minutes:02}:{whole_seconds:02}"
