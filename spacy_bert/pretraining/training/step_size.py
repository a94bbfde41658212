"""How much a step computes: the batches of all ranks -> counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...model import BertConfig
from ...processes.ranks import SINGLE_PROCESS, Ranks
from ..instances.batches import PretrainingBatch
from .flops import model_flops


@dataclass(frozen=True, kw_only=True)
class StepSize:
    """flops: those that the model needs, see `model_flops`."""

    n_sequences: int
    n_pieces: int
    n_masked: int
    flops: float


def measure_step(
    batches: Sequence[PretrainingBatch], bert: BertConfig, ranks: Ranks = SINGLE_PROCESS
) -> StepSize:
    n_sequences, n_pieces, n_masked, flops = ranks.sum(
        sum(batch.n_sequences for batch in batches),
        sum(batch.packed.n_pieces for batch in batches),
        sum(batch.n_masked for batch in batches),
        sum(
            model_flops(bert, batch.packed.lengths, batch.n_masked) for batch in batches
        ),
    )
    return StepSize(
        n_sequences=int(n_sequences),
        n_pieces=int(n_pieces),
        n_masked=int(n_masked),
        flops=flops,
    )
