"""Everything that a run needs before its first step, new or continued."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoint import load_pretraining_model
from ..folders import recover
from ..model import BertForPretraining
from ..model.encoder import compile_layers
from ..tokenization import WordPiece
from .batches import BatchReader, PretrainingBatch
from .config import PretrainingConfig, TrainingConfig
from .corpus import Splitter
from .evaluation import Evaluation, evaluate, held_out_batches, unigram_log_probs
from .fingerprint import hash_wordpiece, plan_index
from .indexing import open_index
from .log import append_row, keep_rows
from .machine import Machine, measure_machine
from .new_model import make_model
from .optimizer import make_optimizers
from .probes import Probe, answer_probes, make_probes
from .resuming import continues_run
from .schedule import share_done
from .state import TrainingState, load_tensors, read_state, save_run
from .vocabulary import load_vocabulary
from .warm_start import warm_start

INDEX, LAST, BEST = "index", "model-last", "model-best"
LOG, FILLS, REPORT = "log.jsonl", "fills.jsonl", "report.html"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the loop works with. `settings` are written beside each checkpoint, to be
    compared on resuming; `log_probs` are those of single pieces."""

    output: Path
    wordpiece: WordPiece
    config: TrainingConfig
    model: BertForPretraining
    optimizers: list[torch.optim.Optimizer]
    reader: BatchReader
    held_out: list[PretrainingBatch]
    log_probs: Tensor
    probes: list[Probe]
    start: TrainingState
    settings: dict[str, Any]

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
        return measure_machine(
            self.model.config, self.config, device=device, dtype=dtype
        )

    def evaluate(self) -> Evaluation:
        return evaluate(self.model, self.held_out, self.log_probs)

    def save_best(self) -> None:
        save_run(self.output / BEST, self.model, self.wordpiece)

    def save_last(self, state: TrainingState) -> None:
        """And ask the probes before, so that each save has their answers."""
        fills = answer_probes(self.model, self.wordpiece, self.probes)
        append_row(self.output / FILLS, {"step": state.step, "fills": fills})
        save_run(
            self.output / LAST,
            self.model,
            self.wordpiece,
            optimizers=self.optimizers,
            state=state,
            settings=self.settings,
        )

    def go_back(self, state: TrainingState) -> TrainingState:
        """The weights of the last checkpoint, but with the text where `state` is."""
        last = self.output / LAST
        before, _ = read_state(last)
        saved, _ = load_pretraining_model(last)
        self.model.load_state_dict(saved.state_dict())
        load_tensors(last, self.model, self.optimizers)
        keep_rows(self.output / FILLS, before.step)
        return replace(
            before, place=state.place, n_epochs=state.n_epochs, seconds=state.seconds
        )


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
) -> Run:
    """Read, check and build. Nothing of an earlier run is lost when this raises."""
    given = load_vocabulary(config.vocabulary)
    bert = config.bert_config(given.n_pieces)
    plan = plan_index(config.corpus, wordpiece=given, splitter=splitter)
    settings = _plain(
        {
            "model": asdict(bert),
            "pretraining": asdict(config.pretraining),
            "vocabulary": {"extend_vocab": config.vocabulary.extend_vocab},
        }
    )
    last = output / LAST
    recover(last)
    recover(output / BEST)
    continues = continues_run(last, settings, plan, resume, overwrite, write)
    torch.manual_seed(config.pretraining.seed)
    # Before the index, which can take long: a checkpoint may be refused.
    has_new_mlm_head = False
    if continues:
        model, wordpiece = load_pretraining_model(last)
    else:
        model, wordpiece, has_new_mlm_head = make_model(config, bert, given, write)
    plan = replace(plan, wordpiece=wordpiece)
    index = open_index(output / INDEX, plan, n_process=n_process, write=write)
    # A run is resumed by the vocabulary that its config names.
    settings["corpus"] = index.fingerprint | {"vocabulary": hash_wordpiece(given)}
    reader = BatchReader(index.train, wordpiece, config.pretraining)
    held_out_reader = BatchReader(index.held_out, wordpiece, config.pretraining)
    log_probs = unigram_log_probs(index.train, model.config.vocab_size)
    if has_new_mlm_head:
        with torch.no_grad():
            model.mlm.bias.copy_(log_probs)
    if config.pretraining.warm_start and not continues:
        write("Warm start: embeddings from co-occurrences in the corpus")
        warm_start(model, index.train, wordpiece, log_probs)
    probes = make_probes(
        config.pretraining, index.held_out, wordpiece, max_pieces=bert.max_positions
    )
    model.to(device).train()
    model.encoder.recomputes = config.pretraining.recompute
    if config.pretraining.compile:
        compile_layers(model.encoder)
    optimizers = make_optimizers(model, config.pretraining)
    state = TrainingState()
    if continues:
        state, _ = read_state(last)
        load_tensors(last, model, optimizers)
        keep_rows(output / FILLS, state.step)
    else:
        _remove_previous(output)
    return Run(
        output=output,
        wordpiece=wordpiece,
        config=config.pretraining,
        model=model,
        optimizers=optimizers,
        reader=reader,
        held_out=held_out_batches(held_out_reader, config.pretraining.n_eval_instances),
        log_probs=log_probs,
        probes=probes,
        start=state,
        settings=settings,
    )


def _remove_previous(output: Path) -> None:
    for name in (LAST, BEST):
        shutil.rmtree(output / name, ignore_errors=True)
    for name in (LOG, FILLS, REPORT):
        (output / name).unlink(missing_ok=True)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back, so that tuples compare equal to lists."""
    return json.loads(json.dumps(values))
