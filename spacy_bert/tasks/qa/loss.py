"""How far the logits are from the answers: logits and GoldAnswers -> loss, gradient."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .gold_answers import GoldAnswer


def answer_loss(
    logits: Sequence[NDArray[np.float32]], golds: Sequence[GoldAnswer | None]
) -> tuple[float, list[NDArray[np.float32]]]:
    """Cross-entropy of the start and of the end, and the mean of the two.

    logits: one (n_positions, 2) a Doc: of starting and of ending there.

    As in spaCy's textcat, the loss is the mean over the Docs and the gradient that of
    their sum: a Doc's weight does not depend on its batch. A Doc whose gold is None
    counts for neither.
    """
    losses = []
    d_logits = [np.zeros_like(doc_logits) for doc_logits in logits]
    for doc_logits, d_doc_logits, gold in zip(logits, d_logits, golds, strict=True):
        if gold is not None:
            right = ([gold.start, gold.end], [0, 1])
            chosen = doc_logits[gold.options].astype(np.float64)  # (n_options, 2)
            chosen -= chosen.max(axis=0)
            log_probs = chosen - np.log(np.exp(chosen).sum(axis=0))
            losses.append(-log_probs[right].mean())
            gradient = np.exp(log_probs)
            gradient[right] -= 1.0
            d_doc_logits[gold.options] = gradient / 2
    return float(np.mean(losses)) if losses else 0.0, d_logits
