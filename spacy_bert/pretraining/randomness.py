"""Random numbers as a pure function of (seed, epoch, stream, position).

Philox is counter-based (Salmon et al. 2011): each key and counter has its own
numbers, so nothing depends on what was drawn before, and nothing needs to be saved.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

_BLOCK = 4096


class Stream(IntEnum):
    """What the numbers are for. Adding one leaves the numbers of the others alone."""

    CHUNKS = 0
    NEXT_SENTENCES = 1
    TRUNCATION = 2
    ORDER = 3
    MASKS = 4
    PROBES = 5


def make_generator(
    seed: int, epoch: int, stream: Stream, position: int = 0
) -> np.random.Generator:
    # The lower half of the counter counts the numbers drawn.
    counter = np.array([0, 0, position, stream], dtype=np.uint64)
    key = np.array([seed, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def draw_uniforms(generator: np.random.Generator) -> Iterator[float]:
    """Numbers in [0, 1) without end; blocks of them are cheaper than single ones."""
    while True:
        yield from generator.random(_BLOCK).tolist()
