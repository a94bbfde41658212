"""`BertForMaskedLM` with the Trainer for so many minutes, as run_mlm.py trains it."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset
from transformers import (
    BertForMaskedLM,
    BertTokenizerFast,
    DataCollatorForLanguageModeling,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    set_seed,
)
from transformers.trainer import Trainer

from spacy_bert.tokenization.special import SPECIAL_PIECES

from .lines import Blocks, open_blocks
from .peer import make_arguments, to_hugging_face_config
from .steps import make_bert
from .wiki import Text

# The clock ends it.
_NO_LIMIT = 10**7


def train_peer(
    *,
    text: Text,
    shape: str,
    minutes: float,
    recipe: Mapping[str, Any],
    output: Path,
) -> dict[str, Any]:
    """The last checkpoint, and what was done until then. The minutes begin with the
    first step's data and have neither evaluations nor saves in them."""
    set_seed(0)
    blocks = open_blocks(text)
    bert = make_bert(shape, 0.0, text.vocabulary)
    model = BertForMaskedLM(to_hugging_face_config(bert))
    tokenizer = BertTokenizerFast(str(text.vocabulary))
    clock = _Clock(60 * minutes)
    trainer = _make_trainer(model, tokenizer, blocks, clock, recipe, output)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model(str(output))
    tokenizer.save_pretrained(str(output))
    n_steps = trainer.state.global_step
    return {
        "checkpoint": str(output),
        "steps": n_steps,
        "pieces": n_steps * recipe["batch_size"] * blocks.shape[1],
        "seconds": clock.seconds,
    }


def _make_trainer(
    model: BertForMaskedLM,
    tokenizer: BertTokenizerFast,
    blocks: Blocks,
    clock: "_Clock",
    recipe: Mapping[str, Any],
    output: Path,
) -> "_ByTheClock":
    arguments = make_arguments(
        output,
        max_steps=_NO_LIMIT,
        learning_rate=recipe["learn_rate"],
        per_device_train_batch_size=recipe["batch_size"],
    )
    collator = DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=recipe["mask_prob"]
    )
    return _ByTheClock(
        clock,
        recipe["warmup_ratio"],
        model=model,
        args=arguments,
        train_dataset=_Blocks(blocks, tokenizer),
        data_collator=collator,
        callbacks=[clock],
    )


class _Blocks(Dataset[dict[str, Tensor]]):
    """Blocks in memory, with the pieces marked that are never hidden."""

    def __init__(self, blocks: Blocks, tokenizer: BertTokenizerFast) -> None:
        special = tokenizer.convert_tokens_to_ids(list(SPECIAL_PIECES))
        self._ids = torch.from_numpy(blocks.astype("int64"))
        self._is_special = torch.isin(self._ids, torch.tensor(special)).long()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        ids, is_special = self._ids[i], self._is_special[i]
        return {"input_ids": ids, "special_tokens_mask": is_special}


class _Clock(TrainerCallback):
    """Ends the training in time. `seconds`: up to the end of the last step."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._start: float | None = None
        self.seconds = 0.0

    def progress(self) -> float:
        """The fraction of the time that is gone."""
        return 0.0 if self._start is None else self._now() / self._limit

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._start = perf_counter()

    def on_step_end(
        self, args: Any, state: Any, control: TrainerControl, **_: Any
    ) -> None:
        self.seconds = self._now()
        control.should_training_stop = self.seconds >= self._limit

    def _now(self) -> float:
        return perf_counter() - (self._start or 0.0)


class _ByTheClock(Trainer):
    """The linear schedule with warmup, over the minutes instead of over steps."""

    def __init__(self, clock: _Clock, warmup_ratio: float, **settings: Any) -> None:
        super().__init__(**settings)
        self._clock, self._warmup_ratio = clock, warmup_ratio

    def create_scheduler(
        self, num_training_steps: int, optimizer: Any = None
    ) -> LambdaLR:
        stepped = cast(Optimizer, optimizer or self.optimizer)
        self.lr_scheduler = LambdaLR(stepped, self._factor)
        return self.lr_scheduler

    def _factor(self, _: int) -> float:
        progress, warmup = self._clock.progress(), self._warmup_ratio
        return (
            progress / warmup
            if progress < warmup
            else max(0.0, (1 - progress) / (1 - warmup))
        )
