"""Any checkpoint -> its MLM loss on the documents that nobody was trained on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spacy_bert.checkpoint.loading import load_weights, read_config
from spacy_bert.corpus.index.files import load_index
from spacy_bert.corpus.vocabulary import VocabularyConfig, load_vocabulary
from spacy_bert.model import BertForPretraining, pack
from spacy_bert.pretraining.evaluation import (
    evaluate,
    held_out_batches,
    unigram_log_probs,
)
from spacy_bert.pretraining.instances.batches import BatchReader, PretrainingBatch
from spacy_bert.pretraining.instances.masking import make_masking, mask_pieces
from spacy_bert.pretraining.instances.sequences import Sequences
from spacy_bert.pretraining.training_config import TrainingConfig
from spacy_bert.tokenization import PieceTokenizer

from .lines import Blocks, open_blocks
from .wiki import Text

N_INSTANCES = 2048
_BATCH_SIZE = 64


def judge(*, text: Text, checkpoint: Path) -> dict[str, Any]:
    """Losses in nats, 15 % of the pieces hidden whatever the training had.

    pairs: A and B, as ours is trained by default. segments: sentences of one document.
    blocks: as the peer is trained. The same instances for all; the heads that a
    checkpoint lacks play no part in them.
    """
    model = BertForPretraining(read_config(checkpoint))
    load_weights(model, checkpoint, fill_heads=("mlm", "nsp"))
    tokenizer = load_vocabulary(VocabularyConfig(path=str(text.vocabulary)))
    splits = load_index(text.index)
    log_probs = unigram_log_probs(splits.train, tokenizer.n_pieces)
    tasks = {
        "pairs": TrainingConfig(batch_size=_BATCH_SIZE),
        "segments": TrainingConfig(batch_size=_BATCH_SIZE, next_sentence="none"),
    }
    readers = {k: BatchReader(splits.held_out, tokenizer, t) for k, t in tasks.items()}
    forms = {k: held_out_batches(r, N_INSTANCES) for k, r in readers.items()}
    blocks = open_blocks(text, held_out=True)
    forms["blocks"] = list(_masked(blocks[:N_INSTANCES], tokenizer))
    found = {name: evaluate(model, some, log_probs) for name, some in forms.items()}
    unigram = {f"{name}, unigram": one.unigram_loss for name, one in found.items()}
    return {**{name: one.mlm_loss for name, one in found.items()}, **unigram}


def _masked(blocks: Blocks, tokenizer: PieceTokenizer) -> Iterator[PretrainingBatch]:
    masking = make_masking(tokenizer, TrainingConfig())
    rng = np.random.default_rng(0)
    for start in range(0, len(blocks), _BATCH_SIZE):
        some = blocks[start : start + _BATCH_SIZE].astype(np.int64)
        n, length = some.shape
        sequences = Sequences(
            ids=some.ravel(),
            segment_ids=np.zeros(some.size, np.int64),
            lengths=np.full(n, length),
            word_starts=np.ones(some.size, np.bool_),
        )
        masked = mask_pieces(
            sequences, rng.random((n, masking.n_random, length)), masking
        )
        (positions,) = np.nonzero(masked.is_masked)
        yield PretrainingBatch(
            packed=pack(torch.from_numpy(masked.ids), [length] * n),
            masked_positions=torch.from_numpy(positions),
            targets=torch.from_numpy(sequences.ids[positions]),
            is_random=None,
        )
