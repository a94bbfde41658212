"""Texts with [MASK] that a run is asked at each save: -> its answers then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..corpus.index.files import CorpusSplit
from ..model import BertForPretraining
from ..tokenization import PieceTokenizer
from .fill_mask import encode_masked, guess_masked
from .instances.randomness import Stream, make_generator
from .log import Row
from .training_config import TrainingConfig

N_SAMPLES = 6
TOP_K = 5

# Pieces of a held-out sentence that is asked: enough to know what it is about, and
# short enough for a line.
_LEAST_PIECES, _MOST_PIECES = 8, 24
_N_SENTENCES = 10_000

# Digits of a probability; further ones depend on how a weight lies in memory.
_N_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class FillMaskSample:
    """`piece_ids`: [CLS] ... [MASK] ... [SEP]. `answer`: what the text has there, if
    that is known."""

    text: str
    piece_ids: list[int]
    answer: str | None = None


def make_samples(
    config: TrainingConfig,
    held_out: CorpusSplit,
    tokenizer: PieceTokenizer,
    *,
    max_pieces: int,
) -> list[FillMaskSample]:
    """The config's, or if it has none some held-out sentences, the same each time.

    Raises ValueError if a text is longer than `max_pieces`.
    """
    if not config.fill_mask_samples:
        found = _held_out_samples(held_out, tokenizer, config.seed, max_pieces)
        return [sample for sample, _ in zip(found, range(N_SAMPLES), strict=False)]
    return [
        FillMaskSample(
            text=text, piece_ids=encode_masked(tokenizer, text, max_pieces=max_pieces)
        )
        for text in config.fill_mask_samples
    ]


def answer_samples(
    model: BertForPretraining,
    tokenizer: PieceTokenizer,
    samples: Sequence[FillMaskSample],
) -> list[Row]:
    """For each its text, the answer, and for each [MASK] the guesses, as plain values:
    [["cat", 0.3], ["dog", 0.1], ...]"""
    sequences = [sample.piece_ids for sample in samples]
    guessed = guess_masked(model, tokenizer, sequences, top_k=TOP_K) if samples else []
    return [
        {
            "text": sample.text,
            "answer": sample.answer,
            "guesses": [
                [[guess.piece, round(guess.prob, _N_DIGITS)] for guess in guesses]
                for guesses in by_mask
            ],
        }
        for sample, by_mask in zip(samples, guessed, strict=True)
    ]


def _held_out_samples(
    split: CorpusSplit, tokenizer: PieceTokenizer, seed: int, max_pieces: int
) -> Iterator[FillMaskSample]:
    """Sentences in random order, each with a random whole word masked."""
    generator = make_generator(seed, 0, Stream.FILL_MASK_SAMPLES)
    offsets = split.sentence_offsets[: _N_SENTENCES + 1]
    longest = min(_MOST_PIECES, max_pieces - 2)
    n_pieces = np.diff(offsets)
    fits = np.flatnonzero((n_pieces >= _LEAST_PIECES) & (n_pieces <= longest))
    for sentence in generator.permutation(fits).tolist():
        ids = split.piece_ids[offsets[sentence] : offsets[sentence + 1]].tolist()
        positions = _whole_words(ids, tokenizer)
        if tokenizer.unk_id in ids or not len(positions):
            continue
        position = int(generator.choice(positions))
        masked = [*ids[:position], tokenizer.mask_id, *ids[position + 1 :]]
        yield FillMaskSample(
            text=tokenizer.decode(masked),
            piece_ids=[tokenizer.cls_id, *masked, tokenizer.sep_id],
            answer=tokenizer.pieces[ids[position]],
        )


def _whole_words(ids: Sequence[int], tokenizer: PieceTokenizer) -> NDArray[np.int64]:
    """Positions of words that are one piece."""
    begins = [*tokenizer.begins_word[ids], True]
    are_words = [
        # A comma may belong to the word before it.
        begins[i]
        and tokenizer.word(piece).isalpha()
        and (begins[i + 1] or not tokenizer.word(ids[i + 1]).isalnum())
        for i, piece in enumerate(ids)
    ]
    return np.flatnonzero(are_words)
