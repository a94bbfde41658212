"""A finished checkpoint on any text: the metrics of held-out evaluation."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from ..checkpoint import load_pretraining_model
from .config import TrainingConfig
from .evaluation import Evaluation, evaluate, held_out_batches, unigram_log_probs
from .index.building import index_whole
from .index.fingerprint import plan_index
from .instances.batches import BatchReader
from .sections import expect, read_section
from .text.corpus import CorpusConfig, Splitter


def score_checkpoint(
    checkpoint: Path,
    corpus: CorpusConfig,
    *,
    splitter: Splitter | None,
    max_length: int = 128,
    next_sentence: str = "nsp",
    n_instances: int = 1024,
    device: torch.device | str = "cpu",
) -> Evaluation:
    """All documents of the corpus count as held out. Its own piece frequencies make the
    unigram loss. `next_sentence`: what the checkpoint was trained with, as in
    TrainingConfig. Raises ValueError or OSError where something does not fit."""
    model, wordpiece = load_pretraining_model(checkpoint)
    expect(
        max_length <= model.config.max_positions,
        place="max_length",
        expected=f"at most the model's {model.config.max_positions} positions",
        got=max_length,
    )
    settings = {"max_length": max_length, "next_sentence": next_sentence}
    config = read_section(TrainingConfig, settings, section="pretraining")
    with TemporaryDirectory() as folder:
        plan = plan_index(corpus, wordpiece=wordpiece, splitter=splitter)
        part = index_whole(Path(folder), plan)
        batches = held_out_batches(BatchReader(part, wordpiece, config), n_instances)
        log_probs = unigram_log_probs(part, model.config.vocab_size)
    return evaluate(model.to(device), batches, log_probs)
