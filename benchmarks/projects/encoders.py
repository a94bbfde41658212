"""What the heads are trained on: a pretrained encoder, and those next to it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from spacy_bert.checkpoint.loading import load_checkpoint_vocabulary, read_config
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertForPretraining
from spacy_bert.pretraining.run_folder import BEST, LAST, LOG
from spacy_bert.pretraining.training.state import read_state

from ..fine_tuning.datasets import prepare
from ..measuring import run_alone
from ..run_log import best_row
from ..spacy_runs import minilm
from ..store import Row
from .biomedical import write_text
from .recipes import CHINESE, E5, MINILM, RANDOM, Project

_ROOT = Path(__file__).parents[2]
GUESS = "guessing by frequency"


def folder(project: Project, work: Path) -> Path:
    return work / project.name


def pretrain(
    project: Project, data: Path, work: Path, minutes: float, seed: str = "0"
) -> Path:
    """Run the commands of a user; what is done is skipped, and a run that was stopped
    goes on. Return its best checkpoint."""
    output = folder(project, work) / "bert"
    last = output / LAST
    if not last.exists() or read_state(last)[0].progress < 1.0:
        overrides = {
            **project.overrides,
            **_text(project, data, work),
            "pretraining.max_minutes": minutes,
            "pretraining.max_steps": "null",
            "pretraining.seed": seed,
        }
        options = [w for k, v in overrides.items() for w in (f"--{k}", str(v))]
        if project is CHINESE:
            if not (folder(project, work) / "vocab.txt").exists():
                _spacy_bert("vocab", project.config, *options)
        _spacy_bert("pretrain", project.config, str(output), "--resume", *options)
    return output / BEST


def _text(project: Project, data: Path, work: Path) -> dict[str, Any]:
    if project is CHINESE:
        vocabulary = folder(project, work) / "vocab.txt"
        vocabulary.parent.mkdir(parents=True, exist_ok=True)
        return {"paths.corpus": data / "wiki_zh", "paths.vocab": vocabulary}
    text = folder(project, work) / "text.txt"
    prepare("bc5cdr", data, work / "bc5cdr")
    write_text(data, text)
    return {"paths.corpus": text, "paths.checkpoint": minilm()}


def pretraining_result(best: Path) -> Row:
    """Return the numbers of its best evaluation on held-out text."""
    row = best_row(best.parent / LOG)
    found = {
        "MLM loss": row["held_out_mlm_loss"],
        "million pieces": row["n_pieces"] / 1e6,
        "minutes": row["seconds"] / 60,
    }
    if "held_out_nsp_accuracy" in row:
        found["NSP accuracy"] = 100 * row["held_out_nsp_accuracy"]
    return {best.name: found, GUESS: {"MLM loss": row["held_out_unigram_loss"]}}


def find_encoder(system: str, best: Path, *, seed: int, e5: Path | None) -> Path:
    """The checkpoint that a system starts from. best: that of the pretraining, whose
    architecture random weights have."""
    if system == E5:
        if e5 is None:
            raise ValueError(f"{system}: expected its folder, got none. Give --e5.")
        return e5
    if system == MINILM:
        return minilm()
    if system != RANDOM:
        return best
    path = best.parents[1] / f"random {seed}"
    if not path.exists():
        run_alone(_write_random, best=best, seed=seed, path=path)
    return path


def _write_random(*, best: Path, seed: int, path: Path) -> None:
    torch.manual_seed(seed)
    config = read_config(best)
    model = BertForPretraining(config)
    model.initialize_weights()
    save_checkpoint(path, model, load_checkpoint_vocabulary(best, config))


def _spacy_bert(*words: str) -> None:
    command = [sys.executable, "-m", "spacy", "bert", *words]
    subprocess.run(command, check=True, cwd=_ROOT)
