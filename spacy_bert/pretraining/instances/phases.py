"""How far a run has read: its phase, short sequences first and long ones last, and a
cursor into the data."""

from dataclasses import dataclass

from ...checked import Count
from ..training_config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Phase:
    """`batch_size`: sequences in a forward pass."""

    max_length: int
    batch_size: int


def make_phases(config: TrainingConfig) -> tuple[Phase, ...]:
    """One, or two if the config has a final_max_length.

    A batch keeps about its number of pieces: 64 sequences of 128 -> 16 of 512.
    """
    first = Phase(max_length=config.max_length, batch_size=config.batch_size)
    if config.final_max_length is None:
        return (first,)
    n_pieces = config.batch_size * config.max_length
    batch_size = max(1, round(n_pieces / config.final_max_length))
    return (first, Phase(max_length=config.final_max_length, batch_size=batch_size))


def phase_at(progress: float, config: TrainingConfig) -> int:
    """Which of the phases a run is in when `progress` of it is done, from 0 to 1."""
    has_two = config.final_max_length is not None
    return int(has_two and progress >= 1 - config.final_ratio)


@dataclass(frozen=True, kw_only=True)
class DataCursor:
    """The next instance of a run: all that continuing needs to know of the data.

    `position` is within the block, which is one of the epoch; the phase never goes
    back.
    """

    phase: Count = 0
    epoch: Count = 0
    block: Count = 0
    position: Count = 0


def next_epoch(cursor: DataCursor) -> DataCursor:
    return DataCursor(phase=cursor.phase, epoch=cursor.epoch + 1)
