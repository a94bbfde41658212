"""Steps of training, timed: `BertForPreTraining` with the Trainer, on our batches."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import BertForPreTraining, PrinterCallback, TrainerCallback
from transformers.trainer import Trainer

from spacy_bert.pretraining.instances.batches import PretrainingBatch
from spacy_bert.pretraining.training_config import TrainingConfig

from ..shapes import LENGTH
from .peer import make_arguments, to_hugging_face_config
from .steps import describe, make_bert, open_reader, read_batches
from .wiki import Text

# What cross entropy leaves out.
_NO_LABEL = -100


def time_steps(
    *,
    text: Text,
    shape: str,
    dropout: float,
    batch_size: int,
    n_warmup: int,
    n_steps: int,
    is_grouped: bool,
) -> dict[str, Any]:
    """`n_steps` after `n_warmup`. The batches are padded and in memory before the first
    step.

    is_grouped: sequences of like length are put together over all batches, as
        `group_by_length` does; else the batches are ours.
    """
    torch.manual_seed(0)
    training = TrainingConfig(batch_size=batch_size, max_length=LENGTH)
    batches = _read(text, training, n_warmup + n_steps, is_grouped)
    bert = make_bert(shape, dropout, text.vocabulary)
    ends = _train(BertForPreTraining(to_hugging_face_config(bert)), training, batches)
    return describe(bert, batches[n_warmup:], ends[-1] - ends[n_warmup - 1])


def _read(
    text: Text, training: TrainingConfig, n: int, is_grouped: bool
) -> list[PretrainingBatch]:
    if is_grouped:
        training = replace(training, accumulate_gradient=n)
    batches = list(islice(read_batches(open_reader(text, training)), n))
    if is_grouped:
        # They come with the shortest first.
        Random(0).shuffle(batches)
    return batches


def _train(
    model: BertForPreTraining,
    training: TrainingConfig,
    batches: Sequence[PretrainingBatch],
) -> list[float]:
    """When each step ended."""
    stopwatch = _Stopwatch()
    with TemporaryDirectory() as folder:
        arguments = make_arguments(
            Path(folder),
            max_steps=len(batches),
            learning_rate=training.learn_rate,
            max_grad_norm=training.max_grad_norm,
        )
        trainer = _ReadyBatches(
            model=model,
            args=arguments,
            train_dataset=[pad(batch) for batch in batches],
            callbacks=[stopwatch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return stopwatch.ends


def pad(batch: PretrainingBatch) -> dict[str, Tensor]:
    """To the longest sequence, with 0, which is [PAD]."""
    packed, lengths = batch.packed, torch.tensor(batch.packed.lengths)
    labels = torch.full_like(packed.piece_ids, _NO_LABEL)
    labels[batch.masked_positions] = batch.targets
    columns = {
        "input_ids": (packed.piece_ids, 0),
        "token_type_ids": (packed.segment_ids, 0),
        "attention_mask": (torch.ones_like(labels), 0),
        "labels": (labels, _NO_LABEL),
    }
    row = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    padded = {}
    for name, (values, filler) in columns.items():
        padded[name] = values.new_full((len(lengths), int(lengths.max())), filler)
        padded[name][row, packed.position_ids] = values
    if batch.is_random is not None:
        padded["next_sentence_label"] = batch.is_random
    return padded


class _ReadyBatches(Trainer):
    """Takes the items of its data set as they are, in their order."""

    def get_train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        batches: Any = self.train_dataset
        return DataLoader(batches, batch_size=None)


class _Stopwatch(TrainerCallback):
    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(perf_counter())
