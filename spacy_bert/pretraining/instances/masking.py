"""Masked language modelling: which pieces are hidden, and what replaces them.

As in Devlin et al. 2018, section 3.1: 15 % of the pieces of a sequence, of which 80 %
become [MASK], 10 % a random piece and 10 % stay; drawn for each piece, or for each span
(Joshi et al. 2019, section 3.1) if whole spans are hidden.

create_pretraining_data.py (google-research/bert) also hides [UNK], draws random pieces
from the whole vocabulary, [PAD] and [unused...] included, and takes as words what
begins without "##". `faithful` does so too; otherwise special pieces are neither hidden
nor drawn, and words are the split's.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...tokenization import PieceTokenizer
from ..training_config import TrainingConfig
from .maskable_spans import (
    choose_lowest,
    choose_while_they_fit,
    cut_spans,
    sample_cyclically,
)
from .sequences import Sequences


@dataclass(frozen=True, kw_only=True)
class Masking:
    """The rules. can_be_hidden, is_continuation (inside of a word, as "##..." is): bool
    for each piece of the vocabulary, (vocab_size,). random_ids: pieces that may replace
    another one."""

    config: TrainingConfig
    cls_id: int
    sep_id: int
    mask_id: int
    can_be_hidden: NDArray[np.bool_]
    is_continuation: NDArray[np.bool_]
    random_ids: NDArray[np.int64]

    @property
    def n_random(self) -> int:
        """How many random numbers a piece takes: the priority of the span that it
        begins, its action, its replacement, and for spans the length of one."""
        return 4 if self.config.masking == "spans" else 3


@dataclass(frozen=True, kw_only=True)
class MaskedIds:
    """ids: as the model sees them; is_masked: which it must predict. (n_pieces,)"""

    ids: NDArray[np.int64]
    is_masked: NDArray[np.bool_]


def make_masking(tokenizer: PieceTokenizer, config: TrainingConfig) -> Masking:
    """Raises ValueError if there is nothing to hide."""
    pieces = tokenizer.pieces
    ids = np.arange(len(pieces))
    is_special = np.isin(ids, [*tokenizer.special_ids])
    is_unused = [bool(re.fullmatch(r"\[unused\d+\]", piece)) for piece in pieces]
    is_word = ~(is_special | np.array(is_unused))
    if not is_word.any():
        raise ValueError("The vocabulary has special pieces only: nothing to mask.")
    is_border = (ids == tokenizer.cls_id) | (ids == tokenizer.sep_id)
    return Masking(
        config=config,
        cls_id=tokenizer.cls_id,
        sep_id=tokenizer.sep_id,
        mask_id=tokenizer.mask_id,
        can_be_hidden=~is_border if config.faithful else ~is_special,
        is_continuation=~tokenizer.begins_word,
        random_ids=ids if config.faithful else np.flatnonzero(is_word),
    )


def mask_pieces(
    sequences: Sequences, random_numbers: NDArray[np.float64], masking: Masking
) -> MaskedIds:
    """Hide max(1, round(mask_prob * length)) pieces of each sequence: exactly if
    they are hidden one by one, and on average if words or spans are; fewer if
    fewer can be hidden, or words are skipped (`faithful`).

    random_numbers: in [0, 1), (n_sequences, n_random, at least the longest length).
    """
    ids, lengths, config = sequences.ids, sequences.lengths, masking.config
    seq_ids = np.repeat(np.arange(len(lengths)), lengths)
    positions = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    (candidates,) = np.nonzero(masking.can_be_hidden[ids])
    spans = _number_spans(sequences, seq_ids, random_numbers, masking)[candidates]
    (first,) = np.nonzero(np.diff(spans, prepend=-1))
    widths, heads = np.diff(first, append=len(candidates)), candidates[first]
    span_seq_ids = seq_ids[heads]
    priorities = random_numbers[span_seq_ids, 0, positions[heads]]
    budgets = np.maximum(np.rint(config.mask_prob * lengths), 1).astype(np.int64)
    if config.max_predictions_per_seq is not None:
        budgets = np.minimum(budgets, config.max_predictions_per_seq)
    if config.masking == "pieces":
        is_chosen = choose_lowest(span_seq_ids, priorities, budgets)
    elif config.faithful:
        is_chosen = choose_while_they_fit(span_seq_ids, widths, priorities, budgets)
    else:
        # The priority of [CLS] has no other use.
        offsets = random_numbers[:, 0, 0]
        is_chosen = sample_cyclically(
            span_seq_ids, widths, priorities, budgets, offsets
        )
    hidden = candidates[np.repeat(is_chosen, widths)]
    # A span has one action: that of the piece which begins it.
    action_pieces = np.repeat(heads[is_chosen], widths[is_chosen])
    action_pieces = action_pieces if config.masking == "spans" else hidden
    actions = random_numbers[seq_ids[hidden], 1, positions[action_pieces]]
    pieces = random_numbers[seq_ids[hidden], 2, positions[hidden]]
    masked = ids.copy()
    masked[hidden] = _replace(ids[hidden], actions, pieces, masking)
    is_masked = np.zeros(len(ids), dtype=np.bool_)
    is_masked[hidden] = True
    return MaskedIds(ids=masked, is_masked=is_masked)


def _number_spans(
    sequences: Sequences,
    seq_ids: NDArray[np.int64],
    random_numbers: NDArray[np.float64],
    masking: Masking,
) -> NDArray[np.int64]:
    """Pieces of one span, which are hidden together or not at all, have one number.

    (n_pieces,), never falling.
    """
    ids, starts = sequences.ids, sequences.word_starts
    if masking.config.masking == "pieces":
        return np.arange(len(ids))
    if masking.config.faithful:
        # [SEP] begins no word: "##" right behind it goes with the word before.
        return np.cumsum(~masking.is_continuation[ids] & (ids != masking.sep_id))
    if masking.config.masking == "spans":
        is_border = (ids == masking.cls_id) | (ids == masking.sep_id)
        segment_starts = is_border | np.concatenate(([True], is_border[:-1]))
        starts = cut_spans(seq_ids, starts, segment_starts, random_numbers[:, 3])
    return np.cumsum(starts)


def _replace(
    ids: NDArray[np.int64],
    actions: NDArray[np.float64],
    pieces: NDArray[np.float64],
    masking: Masking,
) -> NDArray[np.int64]:
    """What replaces hidden pieces."""
    config, random_ids = masking.config, masking.random_ids
    random_pieces = random_ids[(pieces * len(random_ids)).astype(np.int64)]
    is_changed = actions < config.mask_token_prob + config.random_piece_prob
    replaced = np.where(is_changed, random_pieces, ids)
    return np.where(actions < config.mask_token_prob, masking.mask_id, replaced)
