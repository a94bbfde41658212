"""Steps of training, timed: `BertForPreTraining` with the Trainer, on our batches."""

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import BertForPreTraining, PrinterCallback, Trainer, TrainerCallback

from spacy_bert.pretraining.batches import PretrainingBatch
from spacy_bert.pretraining.config import TrainingConfig

from .peer import make_arguments, to_hugging_face_config
from .steps import count, first_batches, make_bert, open_reader
from .wiki import LENGTH, Text

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
) -> dict[str, Any]:
    """Seconds of `n_steps` after `n_warmup`. The batches are made, padded and in memory
    before the first step."""
    torch.manual_seed(0)
    training = TrainingConfig(batch_size=batch_size, max_length=LENGTH)
    reader = open_reader(text, training)
    batches = first_batches(reader, n_warmup + n_steps)
    bert = make_bert(shape, dropout, text.vocabulary)
    stopwatch = _Stopwatch()
    with TemporaryDirectory() as folder:
        trainer = _ReadyBatches(
            model=BertForPreTraining(to_hugging_face_config(bert)),
            args=make_arguments(
                Path(folder),
                max_steps=len(batches),
                learning_rate=training.learn_rate,
                max_grad_norm=training.max_grad_norm,
            ),
            train_dataset=[pad(batch) for batch in batches],
            callbacks=[stopwatch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    seconds = stopwatch.ends[-1] - stopwatch.ends[n_warmup - 1]
    return {"seconds": seconds, **count(bert, batches[n_warmup:])}


def pad(batch: PretrainingBatch) -> dict[str, Tensor]:
    """To the longest sequence, with 0, which is [PAD]."""
    packed, lengths = batch.packed, torch.tensor(batch.packed.lengths)
    labels = torch.full_like(packed.piece_ids, _NO_LABEL)
    labels[batch.masked_rows] = batch.targets
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

    def get_train_dataloader(self) -> DataLoader:
        return DataLoader(self.train_dataset, batch_size=None)


class _Stopwatch(TrainerCallback):
    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(perf_counter())
