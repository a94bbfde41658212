"""Instances -> batches for the model, from any place in the run on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model import PackedBatch, pack
from ..tokenization import WordPiece
from .config import TrainingConfig
from .index import CorpusPart
from .instances import EpochPlan, plan_epoch
from .masking import draw_for_masks, make_masking, mask_pieces


@dataclass(frozen=True, kw_only=True)
class Place:
    """The next instance of a run: all that continuing needs to know of the data."""

    epoch: int = 0
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Instance:
    """[CLS] A [SEP] B [SEP] before masking, int64, (length,), and where it stands."""

    piece_ids: NDArray[np.int64]
    n_first: int  # [CLS] A [SEP]
    is_random: bool
    place: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PretrainingBatch:
    """masked_rows and targets: int64, (n_masked,), rows of the packed pieces and the
    pieces behind them. is_random: int64, (n_sequences,), 1 = random."""

    packed: PackedBatch
    masked_rows: Tensor
    targets: Tensor
    is_random: Tensor

    @property
    def n_masked(self) -> int:
        return self.targets.shape[0]

    @property
    def n_sequences(self) -> int:
        return self.is_random.shape[0]

    def to(self, device: torch.device | str) -> "PretrainingBatch":
        return PretrainingBatch(
            packed=self.packed.to(device),
            masked_rows=self.masked_rows.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
            is_random=self.is_random.to(device, non_blocking=True),
        )


class BatchReader:
    """Reads instances of a part of the index, epoch after epoch."""

    def __init__(
        self, part: CorpusPart, wordpiece: WordPiece, config: TrainingConfig
    ) -> None:
        self.part = part
        self.config = config
        self.cls_id, self.sep_id = wordpiece.cls_id, wordpiece.sep_id
        self.pad_id = wordpiece.pad_id
        self.masking = make_masking(
            wordpiece,
            mask_prob=config.mask_prob,
            mask_token_prob=config.mask_token_prob,
            random_piece_prob=config.random_piece_prob,
        )
        self._epoch = -1
        self._plan: EpochPlan | None = None

    def plan(self, epoch: int) -> EpochPlan:
        if self._plan is None or epoch != self._epoch:
            self._plan = plan_epoch(
                self.part,
                seed=self.config.seed,
                epoch=epoch,
                max_length=self.config.max_length,
                short_seq_prob=self.config.short_seq_prob,
            )
            self._epoch = epoch
        return self._plan

    def read(self, place: Place, n_instances: int) -> tuple[list[Instance], Place]:
        """The next instances, past the end of an epoch too, and the place after."""
        instances: list[Instance] = []
        epoch, position = place.epoch, place.position
        while len(instances) < n_instances:
            plan = self.plan(epoch)
            stop = min(position + n_instances - len(instances), len(plan))
            instances += [self._instance(plan, epoch, i) for i in range(position, stop)]
            epoch, position = (epoch + 1, 0) if stop == len(plan) else (epoch, stop)
        return instances, Place(epoch=epoch, position=position)

    def count_epochs(self, place: Place) -> float:
        """How many are done at `place`, with a part for the one begun."""
        return place.epoch + place.position / len(self.plan(place.epoch))

    def _instance(self, plan: EpochPlan, epoch: int, position: int) -> Instance:
        a = self.part.piece_ids[plan.a_start[position] : plan.a_stop[position]]
        b = self.part.piece_ids[plan.b_start[position] : plan.b_stop[position]]
        ids = np.concatenate(([self.cls_id], a, [self.sep_id], b, [self.sep_id]))
        return Instance(
            piece_ids=ids.astype(np.int64),
            n_first=len(a) + 2,
            is_random=bool(plan.is_random[position]),
            place=(epoch, position),
        )

    def batch(self, instances: Sequence[Instance]) -> PretrainingBatch:
        """Masked and packed, in the order given."""
        lengths = np.array([len(instance.piece_ids) for instance in instances])
        columns = np.arange(lengths.max())
        is_piece = columns < lengths[:, None]
        ids = np.full(is_piece.shape, self.pad_id, dtype=np.int64)
        ids[is_piece] = np.concatenate([instance.piece_ids for instance in instances])
        places = [instance.place for instance in instances]
        draws = draw_for_masks(self.config.seed, places, len(columns))
        masked = mask_pieces(ids, lengths, draws, self.masking)
        n_first = np.array([instance.n_first for instance in instances])
        segments = (columns >= n_first[:, None]).astype(np.int64)
        is_masked = masked.is_masked[is_piece]
        return PretrainingBatch(
            packed=pack(
                torch.from_numpy(masked.ids[is_piece]),
                lengths.tolist(),
                torch.from_numpy(segments[is_piece]),
            ),
            masked_rows=torch.from_numpy(np.flatnonzero(is_masked)),
            targets=torch.from_numpy(ids[is_piece][is_masked]),
            is_random=torch.tensor([int(i.is_random) for i in instances]),
        )


def training_steps(
    reader: BatchReader, start: Place
) -> Iterator[tuple[list[PretrainingBatch], Place]]:
    """For each step its batches, `accumulate_gradient` of them, and the place after it.

    Sequences are sorted by length over the whole step: attention is fastest in runs of
    equal length.
    """
    config, place = reader.config, start
    while True:
        instances, place = reader.read(
            place, config.batch_size * config.accumulate_gradient
        )
        yield make_batches(reader, instances, config.batch_size), place


def make_batches(
    reader: BatchReader, instances: list[Instance], batch_size: int
) -> list[PretrainingBatch]:
    instances = sorted(instances, key=lambda instance: len(instance.piece_ids))
    return [
        reader.batch(instances[i : i + batch_size])
        for i in range(0, len(instances), batch_size)
    ]
