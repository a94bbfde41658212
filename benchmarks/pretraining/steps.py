"""Steps of training, timed: ours, from the index on."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from spacy_bert.corpus.index.files import load_index
from spacy_bert.corpus.vocabulary import VocabularyConfig, load_vocabulary
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining.instances.batches import (
    BatchReader,
    PretrainingBatch,
)
from spacy_bert.pretraining.instances.phases import DataCursor
from spacy_bert.pretraining.training.flops import model_flops
from spacy_bert.pretraining.training.machine import measure_machine
from spacy_bert.pretraining.training.memory import keep_freed_memory
from spacy_bert.pretraining.training.optimizer import make_optimizers, train_step
from spacy_bert.pretraining.training.step_size import measure_step
from spacy_bert.pretraining.training_config import TrainingConfig

from ..shapes import LENGTH, sizes
from .wiki import Text


def time_steps(
    *,
    text: Text,
    shape: str,
    dropout: float,
    batch_size: int,
    n_warmup: int,
    n_steps: int,
) -> dict[str, Any]:
    """`n_steps` after `n_warmup`, making the data included."""
    keep_freed_memory()
    torch.manual_seed(0)
    training = TrainingConfig(batch_size=batch_size, max_length=LENGTH)
    reader = open_reader(text, training)
    bert = make_bert(shape, dropout, text.vocabulary)
    model = BertForPretraining(bert)
    model.initialize_weights()
    optimizers = make_optimizers(model, training)
    batches, done = read_batches(reader), []

    def step() -> None:
        done.append(next(batches))
        train_step(
            model,
            optimizers,
            done[-1:],
            size=measure_step(done[-1:], bert),
            learn_rate=training.learn_rate,
            max_grad_norm=training.max_grad_norm,
        )

    seconds = _seconds_after(step, n_warmup, n_steps)
    return describe(bert, done[n_warmup:], seconds)


def open_reader(text: Text, training: TrainingConfig) -> BatchReader:
    tokenizer = load_vocabulary(VocabularyConfig(path=str(text.vocabulary)))
    return BatchReader(load_index(text.index).train, tokenizer, training)


def make_bert(shape: str, dropout: float, vocabulary: Path) -> BertConfig:
    tokenizer = load_vocabulary(VocabularyConfig(path=str(vocabulary)))
    return BertConfig(vocab_size=tokenizer.n_pieces, **sizes(shape, dropout=dropout))


def read_batches(reader: BatchReader) -> Iterator[PretrainingBatch]:
    """As the loop reads them, from the start of a run on."""
    cursor = DataCursor()
    while True:
        data = reader.read_step(cursor, 0.0)
        cursor = data.cursor
        yield from data.batches


def describe(
    bert: BertConfig, batches: Sequence[PretrainingBatch], seconds: float
) -> dict[str, Any]:
    """Measures the machine's rate in the process and the minute of the steps."""
    lengths = [batch.packed.lengths for batch in batches]
    flops = sum(
        model_flops(bert, some, batch.n_masked)
        for some, batch in zip(lengths, batches, strict=True)
    )
    pieces = sum(map(sum, lengths))
    padded = sum(len(some) * max(some) for some in lengths)
    machine = measure_machine(bert, TrainingConfig(), device=torch.device("cpu"))
    return {
        "seconds": seconds,
        "pieces/s": pieces / seconds,
        "% of the rate of products": 100 * flops / seconds / machine.flops_per_second,
        "limit, FLOP/s": machine.flops_per_second,
        "threads": machine.n_threads,
        "padding": 1 - pieces / padded,
    }


def _seconds_after(step: Callable[[], None], n_warmup: int, n_steps: int) -> float:
    for _ in range(n_warmup):
        step()
    start = perf_counter()
    for _ in range(n_steps):
        step()
    return perf_counter() - start
