"""A config -> the run that it asks for, new or continued."""

from pathlib import Path

import torch
from torch import nn

from ...checkpoint.record import PretrainingRecord
from ...corpus.index.files import load_index
from ...folders import remove
from ...model import BertForPretraining
from ...model.encoder import compile_layers
from ...processes.ranks import Ranks
from ..config import PretrainingConfig
from ..distributed.parallel import distribute
from ..distributed.rank_slices import count_batches
from ..evaluation import held_out_batches
from ..instances.batches import BatchReader
from ..instances.phases import DataCursor, make_phases
from ..log import FillsRow, keep_rows
from ..run_folder import BEST, FILLS, INDEX, LAST, LOG, REPORT, STATE_FILE
from ..training_config import TrainingConfig
from .initial_state import make_initial_state
from .optimizer import make_optimizers
from .options import RunOptions
from .origin import describe_origin
from .run import Run
from .state import START_OVER


def prepare_run(
    config: PretrainingConfig,
    output: Path,
    options: RunOptions,
    *,
    device: torch.device,
    ranks: Ranks,
) -> Run:
    """Nothing of an earlier run is lost when this raises."""
    training = config.pretraining
    ranks.on_first(lambda: _check_steps(training, ranks.n))
    initial = ranks.on_first(lambda: make_initial_state(config, output, options))
    # Rank 0 has just read all of it to check it.
    index = ranks.on_all(lambda: load_index(output / INDEX, checks_all=False))
    tokenizer = initial.tokenizer
    reader = BatchReader(index.train, tokenizer, training, ranks)
    held_out_reader = BatchReader(index.held_out, tokenizer, training, ranks)
    model = initial.model.to(device)
    module = _prepare_model(model, training, ranks)
    run = Run(
        output=output,
        ranks=ranks,
        tokenizer=tokenizer,
        config=training,
        model=model,
        module=module,
        optimizers=make_optimizers(model, training),
        reader=reader,
        held_out=held_out_batches(held_out_reader, training.n_eval_instances),
        log_probs=initial.log_probs,
        samples=initial.samples,
        pairs=initial.pairs,
        start=initial.state,
        recorded=initial.recorded,
        record=PretrainingRecord(
            sentences=config.corpus.sentences,
            lang=config.corpus.lang,
            next_sentence=training.next_sentence,
            max_length=training.max_length,
        ),
        origin=describe_origin(index, options.command),
        write=options.write,
    )
    if initial.continues:
        ranks.on_first(
            lambda: _check_cursor(initial.state.cursor, reader, output / LAST)
        )
        run.load_optimizer_state()
        ranks.on_first(lambda: keep_rows(output / FILLS, initial.state.step, FillsRow))
    else:
        ranks.on_first(lambda: _remove_previous(output))
    return run


def _check_steps(config: TrainingConfig, n_ranks: int) -> None:
    for phase in make_phases(config):
        n_sequences = phase.batch_size * config.accumulate_gradient
        count_batches(n_sequences, phase.batch_size, n_ranks)


def _check_cursor(cursor: DataCursor, reader: BatchReader, last: Path) -> None:
    if not reader.has(cursor):
        raise ValueError(
            f"{last / STATE_FILE} is damaged (the corpus has no {cursor}). {START_OVER}"
        )


def _prepare_model(
    model: BertForPretraining, config: TrainingConfig, ranks: Ranks
) -> nn.Module:
    """-> what is called in training"""
    model.encoder.recomputes = config.recompute
    if config.next_sentence == "none":
        # No loss reaches them, and ranks wait for each other's gradients.
        model.encoder.pooler.requires_grad_(False)
        model.nsp.requires_grad_(False)
    if config.compile:
        compile_layers(model.encoder)
    return distribute(model, config.parallel, ranks)


def _remove_previous(output: Path) -> None:
    for name in (LAST, BEST, LOG, FILLS, REPORT):
        remove(output / name)
