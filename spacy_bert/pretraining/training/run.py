"""Everything that a run works with from its first step on, new or continued."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import nextafter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoint import load_pretraining_model
from ...folders import remove
from ...model import BertForPretraining
from ...model.encoder import compile_layers
from ...record import PretrainingRecord
from ...tokenization import WordPiece
from ..config import PretrainingConfig, TrainingConfig
from ..distributed.moments import FOLDER, collect_moments, load_moments
from ..distributed.parallel import distribute, gather_model, put_away, set_weights
from ..distributed.ranks import Ranks
from ..distributed.shares import count_batches
from ..evaluation import Evaluation, evaluate, held_out_batches
from ..index.files import load_index
from ..instances.batches import BatchReader, PretrainingBatch
from ..instances.phases import Place, make_phases
from ..log import FillsRow, append_row, keep_rows
from ..probes import Probe, answer_probes
from ..text.corpus import Splitter
from .machine import Machine, measure_machine
from .optimizer import make_optimizers
from .outputs import BEST, FILLS, INDEX, LAST, LOG, REPORT
from .schedule import share_done
from .start import make_start
from .state import (
    START_OVER,
    STATE_FILE,
    TrainingState,
    read_moment_files,
    read_state,
    save_run,
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the loop works with. `module` is what it calls for the model, in training;
    `log_probs` and `settings` are those of `Start`; `write` takes lines to print."""

    output: Path
    ranks: Ranks
    wordpiece: WordPiece
    config: TrainingConfig
    model: BertForPretraining
    module: nn.Module
    optimizers: list[torch.optim.Optimizer]
    reader: BatchReader
    held_out: list[PretrainingBatch]
    log_probs: Tensor
    probes: list[Probe]
    start: TrainingState
    settings: dict[str, Any]
    record: PretrainingRecord
    write: Callable[[str], None]

    def with_share(self, state: TrainingState) -> TrainingState:
        """The state, with how much of the run is done by now."""
        share = share_done(
            self.config,
            n_steps=state.step,
            n_epochs=state.n_epochs,
            seconds=state.seconds,
        )
        return replace(state, share=share)

    def measure_machine(self) -> Machine:
        dtype = torch.bfloat16 if self.config.precision == "bf16" else torch.float32
        device = next(self.model.parameters()).device
        machine = measure_machine(
            self.model.config, self.config, device=device, dtype=dtype
        )
        (rate,) = self.ranks.sum(machine.flops_per_second)
        return replace(machine, flops_per_second=rate, n_ranks=self.ranks.n)

    def evaluate(self) -> Evaluation:
        result = evaluate(
            self.model,
            self.held_out,
            self.log_probs,
            self.ranks,
            # The others would show bars of their own.
            write=self.write if self.ranks.is_first else None,
        )
        put_away(self.model)
        return result

    def save_best(self) -> None:
        whole = gather_model(self.model, self.ranks)
        save_run(
            self.output / BEST, whole, self.wordpiece, self.ranks, record=self.record
        )

    def save_last(self, state: TrainingState) -> None:
        """And ask the probes before, so that each save has their answers."""
        whole = gather_model(self.model, self.ranks)
        self.ranks.first(partial(self._ask, whole, state.step))
        save_run(
            self.output / LAST,
            whole,
            self.wordpiece,
            self.ranks,
            moments=collect_moments(self.model, self.optimizers),
            state=state,
            settings=self.settings,
            record=self.record,
        )

    def go_back(self, state: TrainingState) -> TrainingState:
        """The weights of the last checkpoint, but with the text and the clock where
        `state` is, and the best loss, as `model-best` stays."""
        last = self.output / LAST
        before, _ = self.ranks.first(lambda: read_state(last))
        saved, _ = self.ranks.each(lambda: load_pretraining_model(last))
        set_weights(self.model, saved.state_dict())
        self.load_moments()
        self.ranks.first(lambda: keep_rows(self.output / FILLS, before.step, FillsRow))
        back = replace(
            before,
            place=state.place,
            n_epochs=state.n_epochs,
            seconds=state.seconds,
            best_loss=state.best_loss,
        )
        # At least one more step, which saves.
        share = min(self.with_share(back).share, nextafter(1.0, 0.0))
        return replace(back, share=share)

    def load_moments(self) -> None:
        last = self.output / LAST
        files = self.ranks.first(lambda: read_moment_files(last))
        self.ranks.each(
            lambda: load_moments(last / FOLDER, files, self.model, self.optimizers)
        )

    def _ask(self, model: BertForPretraining, step: int) -> None:
        fills = answer_probes(model, self.wordpiece, self.probes)
        append_row(self.output / FILLS, {"step": step, "fills": fills})


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
    ranks.first(lambda: _check_steps(settings, ranks.n))
    start = ranks.first(
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
    index = ranks.each(lambda: load_index(output / INDEX, checks_all=False))
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
        probes=start.probes,
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
        ranks.first(lambda: _check_place(start.state.place, reader, output / LAST))
        run.load_moments()
        ranks.first(lambda: keep_rows(output / FILLS, start.state.step, FillsRow))
    else:
        ranks.first(lambda: _remove_previous(output))
    return run


def _check_steps(config: TrainingConfig, n_ranks: int) -> None:
    for phase in make_phases(config):
        n_sequences = phase.batch_size * config.accumulate_gradient
        count_batches(n_sequences, phase.batch_size, n_ranks)


def _check_place(place: Place, reader: BatchReader, last: Path) -> None:
    if not reader.has(place):
        raise ValueError(
            f"{last / STATE_FILE} is damaged (the corpus has no {place}). {START_OVER}"
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
