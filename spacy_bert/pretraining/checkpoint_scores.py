"""A finished checkpoint on any text: the metrics of held-out evaluation."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from ..checkpoint.loading import load_mlm_model
from ..checkpoint.record import read_record
from ..checkpoint.resolving import resolve_checkpoint
from ..corpus.documents import CorpusConfig, Splitter
from ..corpus.index.building import index_whole
from ..corpus.index.fingerprint import plan_index
from ..corpus.progress_bar import Write
from ..sections import expect, read_section
from .evaluation import Evaluation, evaluate, held_out_batches, unigram_log_probs
from .instances.batches import BatchReader
from .training_config import TrainingConfig


def score_checkpoint(
    checkpoint: str | Path,
    corpus: CorpusConfig,
    *,
    splitter: Splitter | None,
    max_length: int | None = None,
    next_sentence: str | None = None,
    n_instances: int = 1024,
    device: torch.device | str = "cpu",
    write: Write | None = None,
) -> Evaluation:
    """All documents of the corpus count as held out. Its own piece frequencies make the
    unigram loss.

    checkpoint: as `resolve_checkpoint` takes it.
    max_length, next_sentence: as in TrainingConfig; by default what the checkpoint was
        pretrained with.
    write: takes lines on how far it is.

    An NSP head that was never trained gets no scores. Raises ValueError or OSError
    if something does not fit.
    """
    path = resolve_checkpoint(checkpoint)
    model, tokenizer, judges_pairs = load_mlm_model(path)
    record = read_record(path)
    has_pairs = model.config.n_segments > 1
    expect(
        has_pairs or next_sentence in (None, "none"),
        setting="next_sentence",
        expected="'none', as the model has one kind of segment (type_vocab_size is 1)",
        got=next_sentence,
    )
    judges_pairs = judges_pairs and has_pairs and record.next_sentence != "none"
    if next_sentence is None:
        next_sentence = record.next_sentence if judges_pairs else "none"
    if max_length is None:
        max_length = min(record.max_length, model.config.max_positions)
    expect(
        max_length <= model.config.max_positions,
        setting="max_length",
        expected=f"at most the model's {model.config.max_positions} positions",
        got=max_length,
    )
    values = {"max_length": max_length, "next_sentence": next_sentence}
    config = read_section(TrainingConfig, values, section="pretraining")
    with TemporaryDirectory() as folder:
        plan = plan_index(corpus, tokenizer=tokenizer, splitter=splitter)
        split = index_whole(Path(folder), plan, write=write)
        batches = held_out_batches(BatchReader(split, tokenizer, config), n_instances)
        log_probs = unigram_log_probs(split, model.config.vocab_size)
    result = evaluate(model.to(device), batches, log_probs, write=write)
    return result if judges_pairs else replace(result, nsp=None)
