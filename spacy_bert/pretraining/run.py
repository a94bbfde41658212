"""Everything that a run needs before its first step, new or continued."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoint import load_pretraining_model, load_weights
from ..checkpoint import load_vocabulary as load_checkpoint_vocabulary
from ..folders import recover
from ..model import BertConfig, BertForPretraining
from ..tokenization import WordPiece
from .batches import BatchReader, PretrainingBatch
from .config import PretrainingConfig
from .corpus import Splitter
from .evaluation import Evaluation, evaluate, held_out_batches, unigram_log_probs
from .fingerprint import plan_index
from .indexing import open_index
from .optimizer import make_optimizer
from .resuming import continues_run
from .state import TrainingState, load_tensors, read_state, save_run
from .vocabulary import load_vocabulary
from .warm_start import warm_start

INDEX, LAST, BEST, LOG = "index", "model-last", "model-best", "log.jsonl"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the loop works with. `settings` are written beside each checkpoint, to be
    compared on resuming; `log_probs` are those of single pieces."""

    output: Path
    wordpiece: WordPiece
    model: BertForPretraining
    optimizer: torch.optim.Optimizer
    reader: BatchReader
    held_out: list[PretrainingBatch]
    log_probs: Tensor
    start: TrainingState
    settings: dict[str, Any]

    def evaluate(self) -> Evaluation:
        return evaluate(self.model, self.held_out, self.log_probs)

    def save_best(self) -> None:
        save_run(self.output / BEST, self.model, self.wordpiece)

    def save_last(self, state: TrainingState) -> None:
        save_run(
            self.output / LAST,
            self.model,
            self.wordpiece,
            optimizer=self.optimizer,
            state=state,
            settings=self.settings,
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
    wordpiece = load_vocabulary(config.vocabulary)
    bert = config.bert_config(wordpiece.n_pieces)
    plan = plan_index(config.corpus, wordpiece=wordpiece, splitter=splitter)
    settings = _plain(
        {"model": asdict(bert), "pretraining": asdict(config.pretraining)}
    )
    last = output / LAST
    recover(last)
    recover(output / BEST)
    continues = continues_run(last, settings, plan, resume, overwrite, write)
    torch.manual_seed(config.pretraining.seed)
    # Before the index, which can take long: a checkpoint may be refused.
    if continues:
        model, _ = load_pretraining_model(last)
    else:
        model = _new_model(config, bert, wordpiece)
    index = open_index(output / INDEX, plan, n_process=n_process, write=write)
    settings["corpus"] = index.fingerprint
    log_probs = unigram_log_probs(index.train, bert.vocab_size)
    if config.pretraining.warm_start and not continues:
        write("Warm start: embeddings from co-occurrences in the corpus")
        warm_start(model, index.train, wordpiece, log_probs)
    model.to(device).train()
    optimizer = make_optimizer(model, config.pretraining)
    state = TrainingState()
    if continues:
        state, _ = read_state(last)
        load_tensors(last, model, optimizer)
    else:
        _remove_previous(output)
    reader = BatchReader(index.train, wordpiece, config.pretraining)
    held_out_reader = BatchReader(index.held_out, wordpiece, config.pretraining)
    return Run(
        output=output,
        wordpiece=wordpiece,
        model=model,
        optimizer=optimizer,
        reader=reader,
        held_out=held_out_batches(held_out_reader, config.pretraining.n_eval_instances),
        log_probs=log_probs,
        start=state,
        settings=settings,
    )


def _new_model(
    config: PretrainingConfig, bert: BertConfig, wordpiece: WordPiece
) -> BertForPretraining:
    model = BertForPretraining(bert)
    if config.pretraining.checkpoint is None:
        model.initialize_weights()
        return model
    path = Path(config.pretraining.checkpoint)
    load_weights(model, path)
    theirs = load_checkpoint_vocabulary(path, bert)
    if theirs.pieces != wordpiece.pieces:
        raise ValueError(
            f"[vocabulary] path: expected the vocabulary of the checkpoint {path} "
            f"({theirs.n_pieces} pieces), got another one of {wordpiece.n_pieces} "
            f"pieces from {config.vocabulary.path}. Leave the section out to use the "
            "checkpoint's."
        )
    return model


def _remove_previous(output: Path) -> None:
    for name in (LAST, BEST):
        shutil.rmtree(output / name, ignore_errors=True)
    (output / LOG).unlink(missing_ok=True)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back, so that tuples compare equal to lists."""
    return json.loads(json.dumps(values))
