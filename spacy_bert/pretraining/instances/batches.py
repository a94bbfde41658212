"""Instances -> batches for the model, from any position in the run on."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...corpus.index.files import CorpusSplit
from ...model import PackedBatch, pack
from ...processes.ranks import SINGLE_PROCESS, Ranks
from ...tokenization import PairFormat, PieceTokenizer
from ..distributed.rank_slices import count_batches, cut_rank_slices
from ..training_config import TrainingConfig
from .blocks import count_blocks
from .masking import make_masking, mask_pieces
from .phases import DataCursor, make_phases, next_epoch, phase_at
from .plan import Instances, Plan, join_instances, plan_block
from .randomness import Stream, draw_random_numbers
from .sequences import build_sequences

# How often the original writes the corpus out, with new pairs and masks each time;
# longer trainings see the same ones again.
DUPE_FACTOR = 10


@dataclass(frozen=True, kw_only=True)
class PretrainingBatch:
    """masked_positions and targets: int64, (n_masked,), indices of the packed pieces,
    and the pieces behind them. is_random: int64, (n_sequences,), 1 = B is random, or
    under "sop" swapped with A; None for single segments."""

    packed: PackedBatch
    masked_positions: Tensor
    targets: Tensor
    is_random: Tensor | None

    @property
    def n_masked(self) -> int:
        return self.targets.shape[0]

    @property
    def n_sequences(self) -> int:
        return len(self.packed.lengths)

    def to(self, device: torch.device | str) -> "PretrainingBatch":
        is_random = self.is_random
        if is_random is not None:
            is_random = is_random.to(device, non_blocking=True)
        return PretrainingBatch(
            packed=self.packed.to(device),
            masked_positions=self.masked_positions.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
            is_random=is_random,
        )


@dataclass(frozen=True, kw_only=True)
class StepData:
    """batches: this rank's. cursor: after the step. n_epochs: how much of an epoch it
    takes."""

    batches: list[PretrainingBatch]
    cursor: DataCursor
    n_epochs: float


class BatchReader:
    """Reads instances of a split of the index, epoch after epoch; and batches of those
    that are for this rank.

    Raises ValueError if the split has no instances of the form that is asked for.
    """

    def __init__(
        self,
        split: CorpusSplit,
        tokenizer: PieceTokenizer,
        config: TrainingConfig,
        ranks: Ranks = SINGLE_PROCESS,
    ) -> None:
        self.split = split
        self.config = config
        self.ranks = ranks
        self.phases = make_phases(config)
        self.n_blocks = count_blocks(split)
        _check_pairs(tokenizer, config)
        self.masking = make_masking(tokenizer, config)
        _check_split(split, config)
        self._planned: DataCursor | None = None
        self._plan: Plan

    def read_step(self, cursor: DataCursor, progress: float) -> StepData:
        """From `cursor` on, when `progress` of the run is done, 0 to 1.

        All ranks together read `accumulate_gradient` batches. When the next phase
        begins, a new epoch begins too.
        """
        phase = phase_at(progress, self.config)
        if phase > cursor.phase:
            cursor = replace(next_epoch(cursor), phase=phase)
        batch_size = self.phases[cursor.phase].batch_size
        n_instances = batch_size * self.config.accumulate_gradient
        n_epochs_before = self.count_epochs(cursor)
        batches, after = self.read_batches(cursor, n_instances, batch_size)
        return StepData(
            batches=batches,
            cursor=after,
            n_epochs=self.count_epochs(after) - n_epochs_before,
        )

    def plan(self, cursor: DataCursor) -> Plan:
        """The plan of the block that the cursor points into."""
        start = replace(cursor, position=0)
        if start != self._planned:
            self._plan = plan_block(
                self.split,
                self.config,
                epoch=self._random_epoch(cursor),
                block=cursor.block,
                max_length=self.phases[cursor.phase].max_length,
            )
            self._planned = start
        return self._plan

    def read(
        self, cursor: DataCursor, n_instances: int, *, in_epoch: bool = False
    ) -> tuple[Instances, DataCursor]:
        """The next instances, past the end of the epoch too, unless `in_epoch`, and the
        cursor after."""
        plans, after = self._find(cursor, n_instances, in_epoch)
        instances = [self._with_random_numbers(*plan) for plan in plans]
        return join_instances(instances), after

    def read_batches(
        self,
        cursor: DataCursor,
        n_instances: int,
        batch_size: int,
        *,
        in_epoch: bool = False,
    ) -> tuple[list[PretrainingBatch], DataCursor]:
        """This rank's slice of them, masked, and the cursor after all of them."""
        plans, after = self._find(cursor, n_instances, in_epoch)
        n_pieces = np.concatenate([plan.n_pieces for _, plan in plans])
        n_ranks = self.ranks.n
        n_batches = count_batches(len(n_pieces), batch_size, n_ranks)
        slices = cut_rank_slices(n_pieces, n_ranks, at_least=n_batches)
        start, stop = slices[self.ranks.rank]
        mine: list[Instances] = []
        for at, plan in plans:
            here = slice(max(start, 0), max(min(stop, len(plan)), 0))
            if here.start < here.stop:
                at = replace(at, position=at.position + here.start)
                mine.append(self._with_random_numbers(at, plan[here]))
            start, stop = start - len(plan), stop - len(plan)
        return self.make_batches(join_instances(mine), n_batches), after

    def has(self, cursor: DataCursor) -> bool:
        """Whether the data has an instance there."""
        if cursor.phase >= len(self.phases) or cursor.block >= self.n_blocks:
            return False
        return cursor.position < max(len(self.plan(cursor)), 1)

    def count_epochs(self, cursor: DataCursor) -> float:
        """How many are done at `cursor`, with a fraction for the one begun."""
        in_block = cursor.position / max(len(self.plan(cursor)), 1)
        return cursor.epoch + (cursor.block + in_block) / self.n_blocks

    def _find(
        self, cursor: DataCursor, n_instances: int, in_epoch: bool
    ) -> tuple[list[tuple[DataCursor, Plan]], DataCursor]:
        """The next instances: a plan for each block that has some, with its cursor."""
        plans: list[tuple[DataCursor, Plan]] = []
        epoch, n_left = cursor.epoch, n_instances
        while n_left and not (in_epoch and cursor.epoch > epoch):
            plan = self.plan(cursor)
            stop = min(cursor.position + n_left, len(plan))
            plans.append((cursor, plan[cursor.position : stop]))
            n_left -= stop - cursor.position
            cursor = self._cursor_at(cursor, stop, is_end=stop == len(plan))
        return plans, cursor

    def _with_random_numbers(self, cursor: DataCursor, plan: Plan) -> Instances:
        """The instances of `plan`, which follow `cursor` in their block."""
        positions = range(cursor.position, cursor.position + len(plan))
        n_random = self.masking.n_random
        max_length = self.phases[cursor.phase].max_length
        numbers = draw_random_numbers(
            self.config.seed,
            self._random_epoch(cursor),
            Stream.MASKS,
            cursor.block,
            positions,
            n_random * max_length,
        )
        return Instances(
            plan=plan, random_numbers=numbers.reshape(-1, n_random, max_length)
        )

    def _cursor_at(
        self, cursor: DataCursor, position: int, *, is_end: bool
    ) -> DataCursor:
        if not is_end:
            return replace(cursor, position=position)
        if cursor.block + 1 < self.n_blocks:
            return replace(cursor, block=cursor.block + 1, position=0)
        return next_epoch(cursor)

    def _random_epoch(self, cursor: DataCursor) -> int:
        return cursor.epoch % DUPE_FACTOR if self.config.faithful else cursor.epoch

    def make_batches(
        self, instances: Instances, n_batches: int
    ) -> list[PretrainingBatch]:
        """Sequences are sorted by length over all batches: attention is fastest in runs
        of equal length."""
        order = np.argsort(instances.plan.n_pieces, kind="stable")
        return [
            self.batch(instances[some]) for some in np.array_split(order, n_batches)
        ]

    def batch(self, instances: Instances) -> PretrainingBatch:
        """Masked and packed, in the order given."""
        is_random = instances.plan.is_random
        sequences = build_sequences(
            self.split,
            instances.plan.ranges,
            is_pair=is_random is not None,
            cls_id=self.masking.cls_id,
            sep_id=self.masking.sep_id,
        )
        masked = mask_pieces(sequences, instances.random_numbers, self.masking)
        (masked_positions,) = np.nonzero(masked.is_masked)
        return PretrainingBatch(
            packed=pack(
                torch.from_numpy(masked.ids),
                sequences.lengths.tolist(),
                torch.from_numpy(sequences.segment_ids),
            ),
            masked_positions=torch.from_numpy(masked_positions),
            targets=torch.from_numpy(sequences.ids[masked_positions]),
            is_random=None if is_random is None else torch.from_numpy(is_random).long(),
        )


def _check_pairs(tokenizer: PieceTokenizer, config: TrainingConfig) -> None:
    if config.next_sentence != "none" and tokenizer.pairs != PairFormat():
        raise ValueError(
            "[pretraining] next_sentence: expected 'none', as the checkpoint's "
            "tokenizer does not write pairs as BERT does ([CLS] A [SEP] B [SEP], the "
            f"second text in a segment of its own), got {config.next_sentence!r}."
        )


def _check_split(split: CorpusSplit, config: TrainingConfig) -> None:
    needs_words = config.masking != "pieces" and not config.faithful
    if needs_words and split.word_starts is None:
        raise ValueError(
            f"[pretraining] masking: {config.masking!r} needs an index that says where "
            "words start, which this one does not. Build it again, or set "
            'masking = "pieces".'
        )
    if config.next_sentence == "nsp" and split.n_documents < 2:
        raise ValueError(
            "[pretraining] next_sentence: 'nsp' takes random sentences from another "
            f"document, but a split of the corpus has only {split.n_documents}. Put "
            "a blank line between documents or, if the text is one document, after "
            'every hundred sentences or so. Or set next_sentence = "none" or '
            '"sop".'
        )
    if config.next_sentence == "sop" and split.n_sentences == split.n_documents:
        raise ValueError(
            "[pretraining] next_sentence: 'sop' needs documents of two sentences or "
            f"more, and all {split.n_documents} documents of a split of the corpus "
            "have one. Put a blank line between documents only, or set next_sentence = "
            '"none".'
        )
