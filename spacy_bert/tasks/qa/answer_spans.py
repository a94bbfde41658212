"""The best answers in a context: logits of each token -> BestSpans."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

# Scores of spans held at once, 8 MB of them.
_MAX_SCORES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class BestSpans:
    """The likeliest spans, best first; fewer than asked for if there are no more.

    starts, ends: first and last token, (n_spans,).
    scores: start logit + end logit, (n_spans,).
    probs: of each among all valid spans and "no answer", (n_spans,).
    no_answer_score, no_answer_prob: -inf and 0 if "no answer" was no option.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    scores: NDArray[np.float64]
    probs: NDArray[np.float64]
    no_answer_score: float
    no_answer_prob: float

    def shifted(self, n_tokens: int) -> "BestSpans":
        """Return the same spans, so many tokens further on."""
        return replace(self, starts=self.starts + n_tokens, ends=self.ends + n_tokens)


def find_best_spans(
    start_logits: ArrayLike,
    end_logits: ArrayLike,
    *,
    max_answer_tokens: int,
    n_best: int = 1,
    no_answer_score: float = -np.inf,
) -> BestSpans:
    """The n_best spans of at most max_answer_tokens by start logit + end logit.

    start_logits, end_logits: of the context's tokens, (n_tokens,) each; -inf where no
        span may start or end.
    no_answer_score: what "no answer" scores; by default it is no option.

    If scores are equal, the span that starts first comes first, then the shorter one.
    Time grows with n_tokens * max_answer_tokens, memory with n_tokens.
    """
    starts = np.asarray(start_logits, dtype=np.float64)
    ends = np.asarray(end_logits, dtype=np.float64)
    n_tokens = len(starts)
    log_total = no_answer_score
    # A span is start * width + length - 1, so their order is that of ties.
    width = max(1, min(max_answer_tokens, n_tokens))
    spans, scores = np.empty(0, dtype=np.int64), np.empty(0)
    ends = np.pad(ends, (0, width - 1), constant_values=-np.inf)
    n_rows = max(1, _MAX_SCORES // width)
    for first in range(0, n_tokens, n_rows):
        # Row i, column j: a span of j + 1 tokens that starts at token first + i.
        rows = slice(first, min(first + n_rows, n_tokens))
        table = starts[rows, None] + sliding_window_view(ends, width)[rows]
        log_total = np.logaddexp(log_total, _log_sum_exp(table))
        spans = np.concatenate([spans, first * width + _best(table.ravel(), n_best)])
        scores = starts[spans // width] + ends[spans // width + spans % width]
        order = np.argsort(-scores, kind="stable")[:n_best]
        spans, scores = spans[order], scores[order]
    return BestSpans(
        starts=spans // width,
        ends=spans // width + spans % width,
        scores=scores,
        probs=np.exp(scores - log_total),
        no_answer_score=no_answer_score,
        no_answer_prob=(
            0.0
            if no_answer_score == -np.inf
            else float(np.exp(no_answer_score - log_total))
        ),
    )


def _log_sum_exp(table: NDArray[np.float64]) -> float:
    highest = table.max()
    if highest == -np.inf:
        return -np.inf
    return float(highest + np.log(np.exp(table - highest).sum()))


def _best(scores: NDArray[np.float64], n_best: int) -> NDArray[np.int64]:
    """The indices of the highest scores, in order: n_best, or more with ties."""
    nth = max(0, len(scores) - n_best)
    least = np.partition(scores, nth)[nth]
    return np.flatnonzero((scores >= least) & (scores > -np.inf))
