"""Classes from [CLS]: what a classifier starts from."""

import numpy as np
import pytest

from spacy_bert.tasks.starter_config import head_config


@pytest.mark.parametrize("name", ["textcat", "textcat_multilabel"])
def test_classes_start_in_directions_of_their_own(nlp, name):
    """As in the original: of deviation 0.02, not zeros."""
    head = nlp.add_pipe(name, config=head_config(name, width=16))
    for i in range(50):
        head.add_label(f"C{i}")
    nlp.initialize()
    weights = head.model.get_ref("output_layer").get_param("W")
    assert weights.shape == (50, 16)
    assert weights.std() == pytest.approx(0.02, rel=0.2)
    assert np.linalg.matrix_rank(weights) == 16


@pytest.mark.parametrize("n_classes", [1, 2, 9])
def test_sigmoids_start_from_one_class_of_all(nlp, n_classes):
    head = nlp.add_pipe(
        "textcat_multilabel", config=head_config("textcat_multilabel", width=16)
    )
    for i in range(n_classes):
        head.add_label(f"C{i}")
    nlp.initialize()
    # Without the weights, which are drawn at random.
    layer = head.model.get_ref("output_layer")
    layer.set_param("W", 0 * layer.get_param("W"))
    scores = nlp("the cat sat").cats
    expected = 1 / n_classes if n_classes > 1 else 0.5
    assert list(scores.values()) == pytest.approx([expected] * n_classes)
