"""Our pretraining for so many minutes."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from spacy_bert.corpus.index.files import load_index
from spacy_bert.corpus.vocabulary import VocabularyConfig, load_vocabulary
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.evaluation import unigram_log_probs
from spacy_bert.pretraining.log import read_rows
from spacy_bert.pretraining.run_folder import INDEX, LAST, LOG
from spacy_bert.pretraining.training.memory import keep_freed_memory
from spacy_bert.pretraining.training.warm_start import warm_start
from spacy_bert.pretraining.training_config import TrainingConfig

from ..shapes import sizes
from .wiki import Text, wiki_corpus, wiki_splitter

# What is not training happens before it and after it.
_UNDISTURBED: dict[str, Any] = {
    "eval_every": 10**9,
    "save_every": 10**9,
    "n_eval_instances": 64,
}


def train_ours(
    *,
    text: Text,
    shape: str,
    minutes: float,
    recipe: Mapping[str, Any],
    output: Path,
) -> dict[str, Any]:
    """The last checkpoint, and what was done until then. The minutes
    include the warm start, and an evaluation and a save before the first step."""
    keep_freed_memory()
    vocabulary = VocabularyConfig(path=str(text.vocabulary))
    model = sizes(shape, dropout=0.0)
    seconds = 0.0
    if recipe.get("warm_start"):
        seconds = _warm_start_seconds(model, vocabulary, text.index)
    left = minutes - seconds / 60
    config = PretrainingConfig(
        corpus=wiki_corpus(text.data),
        vocabulary=vocabulary,
        model=model,
        pretraining=TrainingConfig(max_minutes=left, **_UNDISTURBED, **recipe),
    )
    share_index(text.index, output)
    state = pretrain(config, output, splitter=wiki_splitter(), overwrite=True)
    return {
        "checkpoint": str(output / LAST),
        "steps": state.step,
        "pieces": read_rows(output / LOG)[-1]["n_pieces"],
        "seconds": seconds + state.seconds,
        "of these, warm start": seconds,
    }


def _warm_start_seconds(
    model: Mapping[str, Any], vocabulary: VocabularyConfig, index: Path
) -> float:
    tokenizer, split = load_vocabulary(vocabulary), load_index(index).train
    start = perf_counter()
    log_probs = unigram_log_probs(split, tokenizer.n_pieces)
    bert = BertConfig(vocab_size=tokenizer.n_pieces, **model)
    warm_start(BertForPretraining(bert), split, tokenizer, log_probs)
    return perf_counter() - start


def share_index(index: Path, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    link = output / INDEX
    link.unlink(missing_ok=True)
    link.symlink_to(index.resolve())
