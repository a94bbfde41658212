"""Everything that a run works with from its first step on, new or continued."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import nextafter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoint.loading import load_pretraining_model
from ...checkpoint.record import PretrainingRecord
from ...model import BertForPretraining
from ...processes.ranks import Ranks
from ...tokenization import PieceTokenizer
from ..distributed.optimizer_state import collect_optimizer_state, load_optimizer_state
from ..distributed.parallel import gather_model, reshard, set_weights
from ..evaluation import Evaluation, evaluate
from ..fill_mask_samples import FillMaskSample, answer_samples
from ..instances.batches import BatchReader, PretrainingBatch
from ..log import FillsRow, Row, append_row, keep_rows
from ..minimal_pairs import MinimalPair, score_minimal_pairs
from ..run_folder import BEST, FILLS, LAST, OPTIMIZER_FOLDER
from ..training_config import TrainingConfig
from .machine import Machine, measure_machine
from .schedule import progress_of
from .state import TrainingState, read_optimizer_files, read_state, save_run


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the loop works with. `module` is what it calls for the model, in training;
    `log_probs` and `recorded` are those of `InitialState`; `write` takes lines to
    print."""

    output: Path
    ranks: Ranks
    tokenizer: PieceTokenizer
    config: TrainingConfig
    model: BertForPretraining
    module: nn.Module
    optimizers: list[torch.optim.Optimizer]
    reader: BatchReader
    held_out: list[PretrainingBatch]
    log_probs: Tensor
    samples: list[FillMaskSample]
    pairs: list[MinimalPair]
    start: TrainingState
    recorded: dict[str, Any]
    record: PretrainingRecord
    origin: dict[str, Any]
    write: Callable[[str], None]

    def with_progress(self, state: TrainingState) -> TrainingState:
        """The state, with how much of the run is done by now."""
        progress = progress_of(
            self.config,
            n_steps=state.step,
            n_epochs=state.n_epochs,
            seconds=state.seconds,
        )
        return replace(state, progress=progress)

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
        reshard(self.model)
        return result

    def save_best(self) -> None:
        full = gather_model(self.model, self.ranks)
        save_run(
            self.output / BEST, full, self.tokenizer, self.ranks, record=self.record
        )

    def save_last(self, state: TrainingState) -> None:
        """And ask the samples and the pairs before, so that each save has answers."""
        full = gather_model(self.model, self.ranks)
        self.ranks.on_first(partial(self._ask, full, state.step))
        save_run(
            self.output / LAST,
            full,
            self.tokenizer,
            self.ranks,
            optimizer_state=collect_optimizer_state(self.model, self.optimizers),
            state=state,
            recorded=self.recorded,
            record=self.record,
        )

    def roll_back(self, state: TrainingState) -> TrainingState:
        """The weights of the last checkpoint, but with the text and the clock where
        `state` is, and the best loss, as `model-best` stays."""
        last = self.output / LAST
        before, _ = self.ranks.on_first(lambda: read_state(last))
        saved, _ = self.ranks.on_all(lambda: load_pretraining_model(last))
        set_weights(self.model, saved.state_dict())
        self.load_optimizer_state()
        self.ranks.on_first(
            lambda: keep_rows(self.output / FILLS, before.step, FillsRow)
        )
        back = replace(
            before,
            cursor=state.cursor,
            n_epochs=state.n_epochs,
            seconds=state.seconds,
            best_loss=state.best_loss,
        )
        # At least one more step, which saves.
        progress = min(self.with_progress(back).progress, nextafter(1.0, 0.0))
        return replace(back, progress=progress)

    def load_optimizer_state(self) -> None:
        last = self.output / LAST
        files = self.ranks.on_first(lambda: read_optimizer_files(last))
        self.ranks.on_all(
            lambda: load_optimizer_state(
                last / OPTIMIZER_FOLDER, files, self.model, self.optimizers
            )
        )

    def _ask(self, model: BertForPretraining, step: int) -> None:
        row: Row = {"step": step}
        row["fills"] = answer_samples(model, self.tokenizer, self.samples)
        if self.pairs:
            scores = score_minimal_pairs(model, self.tokenizer, self.pairs)
            row["minimal_pairs"] = {
                score.name: score.accuracy for score in scores.phenomena
            }
            row["minimal_pairs_accuracy"] = scores.whole.accuracy
        append_row(self.output / FILLS, row)
