"""The slice that each rank takes of the sequences that all ranks read together."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def count_batches(n_sequences: int, batch_size: int, n_ranks: int) -> int:
    """How many batches each rank makes of its slice: as many as all others, since they
    meet in each, of `batch_size` sequences or fewer if there are enough.

    Raises ValueError if there is not a sequence for each rank.
    """
    if n_sequences < n_ranks:
        raise ValueError(
            f"Expected at least {n_ranks} sequences, one for each rank, got "
            f"{n_sequences}. Raise batch_size, accumulate_gradient or n_eval_instances "
            "under [pretraining], or start fewer ranks."
        )
    return min(-(-n_sequences // (batch_size * n_ranks)), n_sequences // n_ranks)


def cut_rank_slices(
    n_pieces: NDArray[np.int64], n_ranks: int, *, at_least: int = 1
) -> list[tuple[int, int]]:
    """Neighbouring sequences for each rank, from and up to: about as many pieces, and
    no fewer than `at_least` sequences. n_pieces: of each sequence, (n_sequences,).

    [9, 3, 3, 3] and 2 ranks -> [(0, 1), (1, 4)]
    """
    sums = np.cumsum(n_pieces)
    inner = np.arange(1, n_ranks)
    # Take the nearer of two cuts: sums [9, 12, 15, 18] are cut at 9 behind the first.
    middles = sums - n_pieces / 2
    cuts = np.searchsorted(middles, inner * sums[-1] / n_ranks)
    # Room for each rank, first from the left and then from the right.
    room = inner * at_least
    cuts = np.maximum(np.maximum.accumulate(cuts - room) + room, room)
    cuts = np.minimum(cuts, len(n_pieces) - room[::-1])
    return list(pairwise([0, *cuts.tolist(), len(n_pieces)]))
