"""The best spans, against trying them all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.tasks.qa import answer_spans
from spacy_bert.tasks.qa.answer_spans import find_best_spans

# Few values, so that there are ties; they and their sums are exact.
LOGITS = st.lists(
    st.tuples(st.sampled_from([-2.0, 0.0, 0.5]), st.sampled_from([-1.0, 0.0, 3.0])),
    max_size=12,
)


def try_all(starts, ends, *, max_answer_tokens, no_answer_score=-np.inf):
    """(score, start, end) of each valid span, best first, and the sum of all exps."""
    spans = [
        (starts[i] + ends[j], i, j)
        for i in range(len(starts))
        for j in range(i, min(i + max_answer_tokens, len(ends)))
    ]
    total = np.exp(no_answer_score) + sum(np.exp(score) for score, _, _ in spans)
    return sorted(spans, key=lambda span: (-span[0], *span[1:])), total


@given(
    logits=LOGITS,
    max_answer_tokens=st.integers(1, 14),
    n_best=st.integers(1, 20),
    no_answer_score=st.sampled_from([-np.inf, -1.0, 2.0]),
    max_scores=st.sampled_from([1, 7, 1 << 20]),
)
def test_as_trying_all(logits, max_answer_tokens, n_best, no_answer_score, max_scores):
    starts = [start for start, _ in logits]
    ends = [end for _, end in logits]
    settings = {
        "max_answer_tokens": max_answer_tokens,
        "no_answer_score": no_answer_score,
    }
    spans, total = try_all(starts, ends, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_spans, "_MAX_SCORES", max_scores)
        best = find_best_spans(starts, ends, n_best=n_best, **settings)
    found = list(zip(best.scores, best.starts, best.ends, strict=True))
    assert found == spans[:n_best]
    np.testing.assert_allclose(best.probs * total, np.exp(best.scores), rtol=1e-12)
    assert best.no_answer_prob * total == pytest.approx(np.exp(no_answer_score))


def test_by_hand():
    best = find_best_spans([0.0, 2.0], [3.0, 1.0], max_answer_tokens=2, n_best=3)
    # (0, 0): 3; (0, 1): 1; (1, 1): 3. The span (1, 0), of 5, ends before it starts.
    assert list(zip(best.starts, best.ends, strict=True)) == [(0, 0), (1, 1), (0, 1)]
    total = 2 * np.exp(3.0) + np.exp(1.0)
    np.testing.assert_allclose(best.probs, np.exp([3.0, 3.0, 1.0]) / total)
    assert best.no_answer_prob == 0.0


def test_no_tokens():
    best = find_best_spans([], [], max_answer_tokens=3, n_best=2)
    assert (len(best.starts), best.no_answer_prob) == (0, 0.0)
    alone = find_best_spans([], [], max_answer_tokens=3, no_answer_score=-2.0)
    assert alone.no_answer_prob == 1.0


def test_large_logits_do_not_overflow():
    best = find_best_spans([3e4, 0.0], [3e4, 0.0], max_answer_tokens=1)
    assert best.probs == pytest.approx([1.0])


def test_a_long_context_in_bounded_memory():
    """50,000 tokens: a table of all starts and ends would take 20 GB."""
    rng = np.random.default_rng(0)
    starts, ends = rng.normal(size=(2, 50_000)).astype(np.float32)
    starts[40_000], ends[40_007] = 50.0, 50.0
    best = find_best_spans(starts, ends, max_answer_tokens=30, n_best=5)
    assert (best.starts[0], best.ends[0], best.probs[0]) == (40_000, 40_007, 1.0)
