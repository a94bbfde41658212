"""Random numbers as a pure function of (seed, epoch, stream, block, position).

Philox is counter-based (Salmon et al. 2011): each key and counter has its own
numbers, so nothing depends on what was drawn before, and nothing needs to be saved.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

# Numbers that one tick of the counter gives (Philox 4x64).
_PER_TICK = 4


class Stream(IntEnum):
    """What the numbers are for. Adding one leaves the numbers of the others alone."""

    DOCUMENTS = 0
    TARGETS = 1
    SEGMENTS = 2
    NEXT_SENTENCES = 3
    TRUNCATION = 4
    ORDER = 5
    MASKS = 6
    FILL_MASK_SAMPLES = 7
    DROPOUT = 8


def make_generator(
    seed: int, epoch: int, stream: Stream, block: int = 0, *, tick: int = 0
) -> np.random.Generator:
    # The lower half of the counter counts the numbers drawn, four a tick.
    counter = np.array([tick, 0, block, stream], dtype=np.uint64)
    key = np.array([seed, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def dropout_seed(seed: int, step: int, rank: int) -> int:
    """For torch's generators in a step, so that nothing of them needs to be saved."""
    generator = make_generator(seed, step, Stream.DROPOUT, rank)
    return int(generator.integers(2**63))


def draw_random_numbers(
    seed: int, epoch: int, stream: Stream, block: int, instances: range, width: int
) -> NDArray[np.float64]:
    """`width` numbers in [0, 1) for each instance. (n_instances, width)

    An instance owns a range of the counter, so its numbers do not depend on which
    others are drawn, and many neighbours cost one generator.
    """
    n_ticks = -(-width // _PER_TICK)
    generator = make_generator(
        seed, epoch, stream, block, tick=instances.start * n_ticks
    )
    return generator.random((len(instances), n_ticks * _PER_TICK))[:, :width]
