"""The loss of the answers and its gradient."""

import numpy as np
import pytest
import torch

from spacy_bert.tasks.qa.gold_answers import GoldAnswer
from spacy_bert.tasks.qa.loss import answer_loss


def test_as_torch():
    """Two Docs with an answer, one without an annotation."""
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=(n, 2)).astype(np.float32) for n in (6, 4, 3)]
    first = GoldAnswer(options=np.array([0, 3, 4, 5]), start=1, end=3)
    last = GoldAnswer(options=np.array([1, 2]), start=0, end=0)
    loss, gradients = answer_loss(logits, [first, None, last])

    tensors = [torch.tensor(doc_logits, requires_grad=True) for doc_logits in logits]
    cross_entropy = torch.nn.functional.cross_entropy
    expected = [
        (
            cross_entropy(doc_logits[gold.options, 0], torch.tensor(gold.start))
            + cross_entropy(doc_logits[gold.options, 1], torch.tensor(gold.end))
        )
        / 2
        for doc_logits, gold in ((tensors[0], first), (tensors[2], last))
    ]
    sum(expected).backward()
    assert loss == pytest.approx(sum(expected).item() / 2)
    np.testing.assert_allclose(gradients[0], tensors[0].grad, atol=1e-6)
    np.testing.assert_allclose(gradients[2], tensors[2].grad, atol=1e-6)
    assert not gradients[1].any()


def test_nothing_annotated():
    loss, gradients = answer_loss([np.ones((3, 2), dtype=np.float32)], [None])
    assert loss == 0.0 and not gradients[0].any()
