"""What the minutes are worth: fine-tuning from our checkpoint, the peer's, and none."""

from functools import partial
from pathlib import Path
from typing import Any

import torch

from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.corpus.vocabulary import VocabularyConfig, load_vocabulary
from spacy_bert.model import BertForPretraining

from ..fine_tuning.recipe import Recipe as Task
from ..fine_tuning.training import run
from ..measuring import run_alone
from ..store import Result, Store
from .losses import row_name
from .recipes import DOWNSTREAM, OURS, RANDOM, RUN_MLM
from .steps import make_bert
from .wiki import Text, learned_text

# BERT-base has 5e-5; small encoders that were trained little need more.
_LEARN_RATE = 5e-4
_TASKS = {
    "WNUT-17 F": ("wnut17", "ents_f", "bert_ner"),
    "UD-EWT UPOS accuracy": ("ud_ewt", "pos_acc", "morphologizer"),
}


def measure_downstream(
    store: Store,
    data: Path,
    work: Path,
    *,
    shape: str,
    minutes: float,
    seeds: list[int],
    n_steps: int,
) -> None:
    """Needs the checkpoints of `measure_losses`. The same recipe from each."""
    row = row_name(shape, minutes)
    for seed in seeds:
        checkpoints = _trained(store, row, work)
        random = work / "trained" / row / f"random {seed}"
        checkpoints[RANDOM] = random, {"seed": seed}
        text = learned_text(data, work)
        if not random.exists():
            run_alone(_write_random, text=text, shape=shape, seed=seed, path=random)
        for system, (checkpoint, origin) in checkpoints.items():
            for name in _TASKS:
                measure = partial(
                    _fine_tune, name, system, seed, n_steps, text, checkpoint
                )
                settings = {**origin, "fine-tuning steps": n_steps}
                part = f"{DOWNSTREAM}{name}, {row}"
                store.once(part, system, str(seed), settings, measure)


def _trained(
    store: Store, row: str, work: Path
) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Checkpoints, and the settings they are of."""
    runs = store.parts.get("losses", {}).get(row, {})
    checkpoints = {}
    for name in (OURS, RUN_MLM):
        path = work / runs.get(name, {}).get("checkpoint", "missing")
        if not path.exists():
            raise ValueError(
                f"Expected checkpoints of {row} in {work}. Make them first: "
                "--only losses --again"
            )
        checkpoints[name] = path, runs[name]["settings"]
    return checkpoints


def _fine_tune(
    name: str, system: str, seed: int, n_steps: int, text: Text, checkpoint: Path
) -> Result:
    dataset, score, head = _TASKS[name]
    task = Task(
        dataset=dataset,
        scores=(score,),
        n_steps=n_steps,
        learn_rate=_LEARN_RATE,
        systems={system: {head: {}}},
    )
    scores = run(
        task, system, seed, data=text.data, work=text.work, checkpoint=checkpoint
    )
    return {"score": scores[score], "minutes": scores["minutes"]}


def _write_random(*, text: Text, shape: str, seed: int, path: Path) -> Result:
    torch.manual_seed(seed)
    model = BertForPretraining(make_bert(shape, 0.0, text.vocabulary))
    model.initialize_weights()
    tokenizer = load_vocabulary(VocabularyConfig(path=str(text.vocabulary)))
    save_checkpoint(path, model, tokenizer)
    return {}
