"""What the model is shown: pairs of segments, or single ones, planned for a block.

Most documents are cut up to the full length, a tenth of them to a shorter one, as in
create_pretraining_data.py (google-research/bert). With `next_sentence = "none"` there
are no pairs: a sequence is whole sentences of one document (DOC-SENTENCES in Liu et al.
2019, section 4.2).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...corpus.index.files import CorpusSplit
from ..training_config import TrainingConfig
from .blocks import read_block
from .pairs import make_pairs
from .randomness import Stream, make_generator
from .segments import cut_full_sentences


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The instances of a block, in training's order.

    ranges: int64, (n_instances, 4): of the split's pieces, A from and up to, B from and
        up to. Single segments have an empty B.
    is_random: bool, (n_instances,): B is random, or the two are swapped. None for
        single segments.
    """

    ranges: NDArray[np.int64]
    is_random: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.ranges)

    @property
    def n_pieces(self) -> NDArray[np.int64]:
        """Pieces of A and B together. (n_instances,)"""
        lengths = self.ranges[:, 1::2] - self.ranges[:, 0::2]
        n_pieces: NDArray[np.int64] = lengths.sum(axis=1)
        return n_pieces

    def __getitem__(self, indices: slice | NDArray[np.int64]) -> "Plan":
        is_random = None if self.is_random is None else self.is_random[indices]
        return Plan(ranges=self.ranges[indices], is_random=is_random)


@dataclass(frozen=True, kw_only=True)
class Instances:
    """Ranges of pieces and the labels, as in a Plan, and the numbers in [0, 1) that
    masking takes, (n_instances, n_random, max_length)."""

    plan: Plan
    random_numbers: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, indices: slice | NDArray[np.int64]) -> "Instances":
        return Instances(
            plan=self.plan[indices], random_numbers=self.random_numbers[indices]
        )


def plan_block(
    split: CorpusSplit,
    config: TrainingConfig,
    *,
    epoch: int,
    block: int,
    max_length: int,
) -> Plan:
    """A pure function of its arguments. Random pairs need at least two documents."""
    documents = read_block(split, seed=config.seed, epoch=epoch, block=block)
    generator_for = partial(make_generator, config.seed, epoch, block=block)
    # [CLS] A [SEP] B [SEP], or [CLS] A [SEP]
    n_pieces = max_length - (2 if config.next_sentence == "none" else 3)
    targets = _draw_targets(
        config, len(documents), n_pieces, generator_for(Stream.TARGETS)
    )
    if config.next_sentence == "none":
        starts, stops = cut_full_sentences(split, documents, targets)
        plan = Plan(
            ranges=np.stack((starts, stops, stops, stops), axis=1), is_random=None
        )
    else:
        ranges, is_random = make_pairs(
            split,
            documents,
            targets,
            n_pieces=n_pieces,
            task=config.next_sentence,
            faithful=config.faithful,
            generator_for=generator_for,
        )
        plan = Plan(ranges=ranges, is_random=is_random)
    return plan[generator_for(Stream.ORDER).permutation(len(plan))]


def join_instances(several: list[Instances]) -> Instances:
    """One after the other."""
    if len(several) == 1:
        return several[0]
    labels = [s.plan.is_random for s in several if s.plan.is_random is not None]
    return Instances(
        plan=Plan(
            ranges=np.concatenate([s.plan.ranges for s in several]),
            is_random=np.concatenate(labels) if labels else None,
        ),
        random_numbers=np.concatenate([s.random_numbers for s in several]),
    )


def _draw_targets(
    config: TrainingConfig, n: int, n_pieces: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """How many pieces the instances of each document are meant to have. (n,)"""
    is_short = generator.random(n) < config.short_seq_prob
    short = generator.integers(2, n_pieces, size=n, endpoint=True)
    return np.where(is_short, short, n_pieces)
