"""Predictions with their probabilities, and whether they were right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats

# Guo et al. 2017, section 4.
_N_BINS = 15
# A probability of 0 that comes true would be infinitely wrong.
_LEAST = 1e-7


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Predictions with probabilities from low to high. n: at least 1."""

    low: float
    high: float
    n: int
    mean_prob: float
    share_right: float


@dataclass(frozen=True, kw_only=True)
class Events:
    """probs: of a prediction's being right. is_right: whether it is. (n,)"""

    probs: Floats
    is_right: NDArray[np.bool_]

    def log_loss(self) -> float:
        """The mean of -log(the probability of what came true)."""
        came = np.where(self.is_right, self.probs, 1 - self.probs)
        return float(-np.log(np.maximum(came, _LEAST)).mean())

    def calibration_error(self) -> float:
        """The expected calibration error: how far the share of right ones is from the
        mean probability, in bins of equal width, weighted by what is in them (Guo et
        al. 2017, section 2)."""
        return sum(
            one.n * abs(one.share_right - one.mean_prob)
            for one in self.in_bins(_N_BINS)
        ) / len(self.probs)

    def in_bins(self, n_bins: int) -> list[Bin]:
        """Bins of equal width, without those that are empty."""
        bins = np.minimum((self.probs * n_bins).astype(int), n_bins - 1)
        return [
            Bin(
                low=i / n_bins,
                high=(i + 1) / n_bins,
                n=int((bins == i).sum()),
                mean_prob=float(self.probs[bins == i].mean()),
                share_right=float(self.is_right[bins == i].mean()),
            )
            for i in range(n_bins)
            if (bins == i).any()
        ]

    def kept(self, threshold: float) -> tuple[float, float]:
        """The share of right ones among those of at least this probability, nan if
        there are none, and their share of all."""
        is_kept = self.probs >= threshold
        n_kept = int(is_kept.sum())
        precision = float(self.is_right[is_kept].mean()) if n_kept else float("nan")
        return precision, n_kept / len(self.probs)
