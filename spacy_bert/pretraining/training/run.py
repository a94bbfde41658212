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
from ...model import BertForPretraining
from ...record import PretrainingRecord
from ...tokenization import WordPiece
from ..distributed.moments import collect_moments, load_moments
from ..distributed.parallel import gather_model, put_away, set_weights
from ..distributed.ranks import Ranks
from ..evaluation import Evaluation, evaluate
from ..fill_mask_samples import FillMaskSample, answer_samples
from ..instances.batches import BatchReader, PretrainingBatch
from ..log import FillsRow, append_row, keep_rows
from ..run_folder import BEST, FILLS, LAST, OPTIMIZER_FOLDER
from ..training_config import TrainingConfig
from .machine import Machine, measure_machine
from .schedule import share_done
from .state import TrainingState, read_moment_files, read_state, save_run


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
    samples: list[FillMaskSample]
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
        """And ask the samples before, so that each save has their answers."""
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
            cursor=state.cursor,
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
            lambda: load_moments(
                last / OPTIMIZER_FOLDER, files, self.model, self.optimizers
            )
        )

    def _ask(self, model: BertForPretraining, step: int) -> None:
        fills = answer_samples(model, self.wordpiece, self.samples)
        append_row(self.output / FILLS, {"step": step, "fills": fills})
