"""What a model would put where a text has [MASK]."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from ..model import BertForPretraining, pack
from ..tokenization import PieceTokenizer
from ..tokenization.special import MASK


@dataclass(frozen=True, kw_only=True)
class Guess:
    piece: str
    prob: float


def fill_mask(
    model: BertForPretraining, tokenizer: PieceTokenizer, text: str, *, top_k: int = 5
) -> list[list[Guess]]:
    """For each [MASK] of the text the likeliest pieces, the best first.

    Raises ValueError if there is no [MASK] or the text is longer than the model
    can read.
    """
    ids = encode_masked(tokenizer, text, max_pieces=model.config.max_positions)
    (guesses,) = guess_masked(model, tokenizer, [ids], top_k=top_k)
    return guesses


def encode_masked(
    tokenizer: PieceTokenizer, text: str, *, max_pieces: int
) -> list[int]:
    """[CLS] text [SEP], in which "[MASK]" is that piece. Raises ValueError."""
    if MASK not in text:
        raise ValueError(f"Expected a text with {MASK} in it, got {text!r}.")
    ids = [tokenizer.cls_id, *tokenizer.encode_masked(text), tokenizer.sep_id]
    if len(ids) > max_pieces:
        raise ValueError(
            f"Expected at most {max_pieces} pieces, as many as the model has "
            f"positions, got {len(ids)}. Shorten the text {text!r}."
        )
    return ids


def guess_masked(
    model: BertForPretraining,
    tokenizer: PieceTokenizer,
    sequences: Sequence[Sequence[int]],
    *,
    top_k: int,
) -> list[list[list[Guess]]]:
    """As `fill_mask`, for each of several sequences of piece ids in one batch."""
    ids = [i for sequence in sequences for i in sequence]
    piece_ids = torch.tensor(ids, device="cpu")
    batch = pack(piece_ids, [len(sequence) for sequence in sequences])
    masked_positions = (piece_ids == tokenizer.mask_id).nonzero().flatten()
    device = next(model.parameters()).device
    with torch.inference_mode():
        output = model(batch.to(device), masked_positions.to(device))
    # Some models have more logits than pieces.
    probs = output.mlm_logits[:, : tokenizer.n_pieces].float().softmax(dim=1)
    best = probs.topk(min(top_k, tokenizer.n_pieces), dim=1)
    guesses = (
        [Guess(piece=tokenizer.pieces[i], prob=p) for i, p in zip(*one, strict=True)]
        for one in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    )
    return [
        list(islice(guesses, sequence.count(tokenizer.mask_id)))
        for sequence in sequences
    ]
