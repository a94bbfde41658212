"""A config -> the run that it asks for, new or continued."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ...corpus.documents import Splitter
from ...corpus.index.files import load_index
from ...folders import remove
from ...model import BertForPretraining
from ...model.encoder import compile_layers
from ...record import PretrainingRecord
from ..config import PretrainingConfig
from ..distributed.parallel import distribute
from ..distributed.rank_slices import count_batches
from ..distributed.ranks import Ranks
from ..evaluation import held_out_batches
from ..instances.batches import BatchReader
from ..instances.phases import DataCursor, make_phases
from ..log import FillsRow, keep_rows
from ..run_folder import BEST, FILLS, INDEX, LAST, LOG, REPORT, STATE_FILE
from ..training_config import TrainingConfig
from .optimizer import make_optimizers
from .run import Run
from .start import make_start
from .state import START_OVER


def prepare_run(
    config: PretrainingConfig,
    output: Path,
    *,
    device: torch.device,
    splitter: Splitter | None,
    resume: bool,
    overwrite: bool,
    n_process: int,
    write: Callable[[str], None],
    ranks: Ranks,
) -> Run:
    """Nothing of an earlier run is lost when this raises."""
    settings = config.pretraining
    ranks.on_first(lambda: _check_steps(settings, ranks.n))
    start = ranks.on_first(
        lambda: make_start(
            config,
            output,
            splitter=splitter,
            resume=resume,
            overwrite=overwrite,
            n_process=n_process,
            write=write,
        )
    )
    # Rank 0 has just read all of it to check it.
    index = ranks.on_all(lambda: load_index(output / INDEX, checks_all=False))
    wordpiece = start.wordpiece
    reader = BatchReader(index.train, wordpiece, settings, ranks)
    held_out_reader = BatchReader(index.held_out, wordpiece, settings, ranks)
    model = start.model.to(device)
    module = _prepare_model(model, settings, ranks)
    run = Run(
        output=output,
        ranks=ranks,
        wordpiece=wordpiece,
        config=settings,
        model=model,
        module=module,
        optimizers=make_optimizers(model, settings),
        reader=reader,
        held_out=held_out_batches(held_out_reader, settings.n_eval_instances),
        log_probs=start.log_probs,
        samples=start.samples,
        start=start.state,
        settings=start.settings,
        record=PretrainingRecord(
            sentences=config.corpus.sentences,
            lang=config.corpus.lang,
            next_sentence=settings.next_sentence,
            max_length=settings.max_length,
        ),
        write=write,
    )
    if start.continues:
        ranks.on_first(lambda: _check_cursor(start.state.cursor, reader, output / LAST))
        run.load_optimizer_state()
        ranks.on_first(lambda: keep_rows(output / FILLS, start.state.step, FillsRow))
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
