"""What a run begins with: a config and an output folder -> weights, the index on disk.

Rank 0 makes it and sends it to the others.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...checkpoint.loading import load_pretraining_model
from ...corpus.index.building import open_index
from ...corpus.index.files import CorpusSplit
from ...corpus.index.fingerprint import hash_tokenizer, plan_index
from ...corpus.sources import check_apart
from ...corpus.vocabulary import load_vocabulary
from ...folders import recover
from ...model import BertConfig, BertForPretraining
from ...tokenization import PieceTokenizer
from ..config import PretrainingConfig
from ..evaluation import unigram_log_probs
from ..fill_mask_samples import FillMaskSample, make_samples
from ..minimal_pairs import MinimalPair, encode_pairs, read_minimal_pairs
from ..run_folder import BEST, INDEX, LAST, TEXT_FILES, check_foreign, refuse_earlier
from ..training_config import TrainingConfig
from .new_model import make_model
from .options import RunOptions
from .resuming import find_earlier
from .state import TrainingState
from .warm_start import warm_start

# How often a step may go through the text.
MOST_TIMES = 100


@dataclass(frozen=True, kw_only=True)
class InitialState:
    """`continues`: an earlier run, whose `state` it is. `recorded`: the config as it
    is written into each checkpoint, to be compared on resuming. `log_probs`: of single
    pieces.
    """

    continues: bool
    state: TrainingState
    model: BertForPretraining
    tokenizer: PieceTokenizer
    log_probs: Tensor
    samples: list[FillMaskSample]
    pairs: list[MinimalPair]
    recorded: dict[str, Any]


def make_initial_state(
    config: PretrainingConfig, output: Path, options: RunOptions
) -> InitialState:
    """Read, check and build. Nothing of an earlier run is lost when this raises."""
    write = options.write
    if options.splitter is None and config.corpus.sentences != "lines":
        raise ValueError(
            f"[corpus] sentences: expected 'lines' if no splitter is given, got "
            f"{config.corpus.sentences!r}. Give one, or call spacy_bert.pretrain, "
            "which makes one from the config."
        )
    check_apart(config.corpus.path, output, TEXT_FILES)
    given = load_vocabulary(config.vocabulary)
    bert = config.bert_config(given.n_pieces)
    plan = plan_index(config.corpus, tokenizer=given, splitter=options.splitter)
    recorded = _describe(config, bert)
    last = output / LAST
    recover(last)
    recover(output / BEST)
    check_foreign(output)
    earlier = find_earlier(last, recorded, plan, options)
    if not (earlier or options.overwrite):
        refuse_earlier(output, resume=options.resume)
    torch.manual_seed(config.pretraining.seed)
    # Before the index, which can take long: a checkpoint may be refused.
    has_new_mlm_head = False
    if earlier:
        model, tokenizer = load_pretraining_model(last)
    else:
        model, tokenizer, has_new_mlm_head = make_model(config, bert, given, write)
    plan = replace(plan, tokenizer=tokenizer)
    pairs = _read_pairs(config.pretraining, tokenizer, bert.max_positions)
    use = config.pretraining.index_use()
    path = output / INDEX
    n_process = options.n_process
    index = open_index(path, plan, n_process=n_process, write=write, use=use)
    if not earlier:
        check_step_size(config.pretraining, index.train)
        for warning in config.warnings():
            write(f"Warning: {warning}")
    # A run is resumed by the vocabulary that its config names.
    recorded["corpus"] = index.fingerprint | {"vocabulary": hash_tokenizer(given)}
    log_probs = unigram_log_probs(index.train, model.config.vocab_size)
    if has_new_mlm_head:
        with torch.no_grad():
            model.mlm.bias.copy_(log_probs)
    if config.pretraining.warm_start and not earlier:
        write("Warm start: co-occurrences in the corpus, and attention to neighbours")
        warm_start(model, index.train, tokenizer, log_probs, write=write)
    samples = make_samples(
        config.pretraining, index.held_out, tokenizer, max_pieces=bert.max_positions
    )
    return InitialState(
        continues=earlier is not None,
        state=earlier or TrainingState(),
        model=model,
        tokenizer=tokenizer,
        log_probs=log_probs,
        samples=samples,
        pairs=pairs,
        recorded=recorded,
    )


def _read_pairs(
    config: TrainingConfig, tokenizer: PieceTokenizer, max_pieces: int
) -> list[MinimalPair]:
    """Raises ValueError if there is one that the model will not be able to read."""
    if config.minimal_pairs is None:
        return []
    path = Path(config.minimal_pairs)
    pairs = read_minimal_pairs(path, n=config.n_minimal_pairs)
    encode_pairs(pairs, tokenizer, max_pieces=max_pieces)
    return pairs


def check_step_size(config: TrainingConfig, split: CorpusSplit) -> None:
    """Raises ValueError if a single step would read the text a hundred times over."""
    n_sequences = config.batch_size * config.accumulate_gradient
    # A document has one or more, and a long one as many as its length allows.
    in_text = max(split.n_documents, split.n_pieces // config.max_length, 1)
    n_times = n_sequences / in_text
    if n_times > MOST_TIMES:
        raise ValueError(
            f"[pretraining] batch_size: expected a step of at most {MOST_TIMES} times "
            f"the text, got batch_size = {config.batch_size:,} times "
            f"accumulate_gradient = {config.accumulate_gradient:,}: {n_sequences:,} "
            f"sequences, where the text makes some {in_text:,}, so a step goes through "
            f"it {n_times:,.0f} times. Take a smaller batch_size, or more text."
        )


def _describe(config: PretrainingConfig, bert: BertConfig) -> dict[str, Any]:
    """As JSON gives it back, so that tuples compare equal to lists."""
    values = {
        "model": asdict(bert),
        "pretraining": asdict(config.pretraining),
        "vocabulary": {"extend_vocab": config.vocabulary.extend_vocab},
    }
    described: dict[str, Any] = json.loads(json.dumps(values))
    return described
