"""A stock config, as it is or migrated -> its scores and how long it took.

Only the lengths of the run and of a warm-up are set here. All else is what `spacy init
config` and `spacy bert migrate` write.
"""

import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from spacy.cli.init_config import init_config
from thinc.api import Config

from spacy_bert.tasks.migrated_config import migrate_config

from ..measuring import Stopwatch
from ..spacy_runs import evaluate, minilm, train

DATASETS = {"BC5CDR": "bc5cdr", "WNUT-17": "wnut17"}
SYSTEMS = ("stock", "migrated")

# Three to five epochs of BC5CDR for each: a step has 2,000 words, but those of the
# stock config for tok2vec begin with 100 and grow to 1,000.
N_STEPS = {
    "tok2vec": {"stock": 2000, "migrated": 400},
    "transformer": {"stock": 300, "migrated": 300},
}

_SCORES = ("ents_p", "ents_r", "ents_f")


def train_and_score(
    *, kind: str, dataset: str, system: str, seed: int, n_steps: int, work: Path
) -> dict[str, Any]:
    """Return what a Stopwatch gives, and scores on the test data in percent."""
    output = work / "runs" / f"{kind} {dataset} {system} {seed}"
    output.mkdir(parents=True, exist_ok=True)
    config = make_config(kind, system, output, seed=seed, n_steps=n_steps)
    config.to_disk(output / "config.cfg")
    stopwatch = Stopwatch()
    with (output / "train.log").open("w", encoding="utf8") as log:
        with redirect_stdout(log):
            train(output / "config.cfg", corpus=work / dataset, output=output)
    minutes = stopwatch.minutes()
    scores = evaluate(
        output / "model-best", work / dataset / "test.spacy", output / "scores.json"
    )
    for folder in ("model-best", "model-last"):
        shutil.rmtree(output / folder)
    return {**minutes, **{name: scores[name] for name in _SCORES}}


def make_config(
    kind: str, system: str, folder: Path, *, seed: int, n_steps: int
) -> Config:
    """kind: the encoder of the stock config, which is left in `folder` as stock.cfg."""
    is_gpu = kind == "transformer"
    stock = init_config(lang="en", pipeline=["ner"], gpu=is_gpu, silent=True)
    config = Config().from_str(stock.to_str(), interpolate=False)
    if is_gpu:
        config["components"]["transformer"]["model"]["name"] = str(minilm())
    training = config["training"]
    training.update(max_steps=n_steps, eval_frequency=max(1, n_steps // 3), patience=0)
    config["system"].update(gpu_allocator=None, seed=seed)
    path = folder / "stock.cfg"
    config.to_disk(path)
    if system == "migrated":
        config = migrate_config(path, minilm())[0]
    rate = config["training"]["optimizer"]["learn_rate"]
    if isinstance(rate, dict):
        # Ours warms up for a tenth of all steps anyhow.
        rate["total_steps"] = n_steps
        if "warmup_steps" in rate:
            rate["warmup_steps"] = max(1, n_steps // 10)
    return config
