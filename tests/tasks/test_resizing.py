"""Labels that come later: what was learned stays, and the new one is learned."""

import numpy as np
import pytest
import spacy
from contract_toys import COMPONENTS, make_examples, make_nlp, make_trained, predictions

LATER = {name: head for name, head in COMPONENTS.items() if head.later is not None}


@pytest.fixture(params=LATER)
def head(request):
    return LATER[request.param]


def add_later(nlp, head):
    component = nlp.get_pipe(head.factory)
    assert component.add_label(head.later) == 1
    assert component.add_label(head.later) == 0
    return component


def test_predictions_of_the_old_labels_stay(checkpoint, head, tmp_path):
    trained, _ = make_trained(checkpoint, head)
    before = predictions(trained, head)
    add_later(trained, head)
    trained.to_disk(tmp_path)
    for nlp in (trained, spacy.load(tmp_path)):
        component = nlp.get_pipe(head.factory)
        assert component.labels[-1] == component.label_data[-1] == head.later
        after = predictions(nlp, head)
        for old, new in zip(before, after, strict=True):
            later = new.pop(head.later, 0.0)
            assert new == pytest.approx(old, abs=1e-3)
            assert head.factory != "textcat" or later < 1e-3
        several = predictions(nlp, head, n_process=2)
        for one, other in zip(after, several, strict=True):
            other.pop(head.later, None)
            assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    "is_loaded", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_the_new_label_is_learned(checkpoint, head, is_loaded, tmp_path):
    """Also with an optimizer that keeps states of the old shapes."""
    trained, optimizer = make_trained(checkpoint, head)
    if is_loaded:
        trained.to_disk(tmp_path)
        trained = spacy.load(tmp_path)
        optimizer = trained.resume_training()
        optimizer.learn_rate = 0.01
    component = add_later(trained, head)
    examples = make_examples(trained, head, with_later=True)
    for _ in range(120):
        trained.update(examples, sgd=optimizer)
    assert trained.evaluate(examples)[head.score] > 0.9
    sizes = {
        (node.id, name): node.get_param(name).size
        for node in component.model.walk()
        for name in node.param_names
    }
    assert sizes
    assert {key: optimizer.mom1[key].size for key in sizes} == sizes


def test_initialize_takes_another_label_and_starts_over(checkpoint, head):
    trained, _ = make_trained(checkpoint, head)
    component = trained.get_pipe(head.factory)
    learned = component.model.get_ref("output_layer").get_param("W").copy()
    examples = make_examples(trained, head, with_later=True)
    optimizer = trained.initialize(lambda: examples)
    assert head.later in component.labels
    drawn = component.model.get_ref("output_layer").get_param("W")
    assert len(drawn) > len(learned)
    assert np.abs(drawn[: len(learned)] - learned).max() > 0.01
    trained.update(examples, sgd=optimizer)


def test_labels_that_come_before_training_draw_nothing(checkpoint, head):
    nlp = make_nlp(checkpoint, head)
    component = nlp.get_pipe(head.factory)
    component.add_label("one")
    component.add_label("two")
    assert component.labels == ("one", "two")
    assert not component.model.get_ref("output_layer").has_param("W")
