"""Numbers of pairs of texts."""

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_bert import make_pair_doc
from spacy_bert.tasks.text.scorer import score_regression

PAIRS = {
    ("the cat sat", "the cat ran"): 4.0,
    ("the cat sat", "a bank of money"): 1.0,
    ("the dog ran on", "a dog ran"): 5.0,
    ("in the river", "was it ?"): 2.0,
}
LISTENER = {"@architectures": "spacy-bert.ClsListener.v1", "width": 16}
MODEL = {"@architectures": "spacy-bert.Regressor.v1", "tok2vec": LISTENER}


def make_examples(nlp, label="alike"):
    examples = []
    for pair, number in PAIRS.items():
        reference = make_pair_doc(nlp, *pair)
        reference.cats = {label: number}
        examples.append(Example(make_pair_doc(nlp, *pair), reference))
    return examples


@pytest.fixture
def trained(nlp):
    nlp.add_pipe("text_regressor", config={"model": MODEL})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    return nlp


def test_it_learns_values_on_their_own_scale(trained):
    for example in make_examples(trained):
        number = example.reference.cats["alike"]
        doc = trained(example.predicted)
        assert doc.cats["alike"] == pytest.approx(number, abs=0.3)
    scores = trained.evaluate(make_examples(trained))
    assert scores["cats_pearson"] > 0.99
    assert scores["cats_spearman"] == pytest.approx(1.0)


def test_missing_values_give_no_gradient(trained):
    pipe = trained.get_pipe("text_regressor")
    examples = make_examples(trained)
    del examples[1].reference.cats["alike"]
    scores = pipe.model.ops.alloc2f(4, 1) + 7.0
    loss, errors = pipe.get_loss(examples, scores)
    assert errors[1] == 0.0
    assert (errors[[0, 2, 3]] > 0).all()
    assert loss == pytest.approx(float((errors**2).sum()) / 2)


def test_labels_that_no_example_has_are_refused(nlp):
    nlp.add_pipe("text_regressor", config={"model": MODEL})
    with pytest.raises(ValueError, match="expected numbers in `cats`.*found none"):
        nlp.get_pipe("text_regressor").initialize(lambda: [_empty(nlp)], nlp=nlp)
    with pytest.raises(ValueError, match="for length; found alike"):
        nlp.get_pipe("text_regressor").initialize(
            lambda: make_examples(nlp), nlp=nlp, labels=["length"]
        )


@pytest.mark.parametrize("value", ["high", None, float("inf")])
def test_what_is_no_number_is_refused(trained, value):
    examples = make_examples(trained)
    examples[0].reference.cats["alike"] = value
    with pytest.raises(ValueError, match=f"finite number for 'alike'.*{value!r}"):
        trained.update(examples)


def test_any_kind_of_number_on_any_scale(nlp):
    nlp.add_pipe("text_regressor", config={"model": MODEL})
    examples = make_examples(nlp)
    for example, number in zip(examples, (0, 10, 20, 30), strict=True):
        example.reference.cats["alike"] = np.int64(1_700_000_000 + number)
    nlp.initialize(lambda: examples)
    cfg = nlp.get_pipe("text_regressor").cfg
    assert cfg["means"] == [1_700_000_015]
    assert cfg["stds"] == pytest.approx([125**0.5])


@pytest.mark.parametrize("labels", [("alike", "length"), ("length",)])
def test_initialize_starts_over_with_other_labels(trained, labels):
    examples = make_examples(trained)
    for i, example in enumerate(examples):
        example.reference.cats = {label: float(i) for label in labels}
    trained.initialize(lambda: examples)
    pipe = trained.get_pipe("text_regressor")
    assert pipe.labels == labels and pipe.cfg["means"] == [1.5] * len(labels)
    assert set(trained("the cat").cats) == set(labels)


def test_the_same_number_everywhere_is_noticed(trained, caplog):
    examples = make_examples(trained)
    trained.initialize(lambda: examples)
    assert "the same value" not in caplog.text
    for example in examples:
        example.reference.cats = {"alike": 3.0}
    trained.initialize(lambda: examples)
    assert "same value for 'alike', so there is nothing to learn" in caplog.text


def test_a_number_added_later_begins_at_its_mean(trained):
    pipe = trained.get_pipe("text_regressor")
    assert pipe.add_label("length", mean=40.0, std=0.001) == 1
    assert trained("the cat").cats["length"] == pytest.approx(40.0, abs=0.1)
    for scale in ({"mean": float("nan")}, {"std": 0.0}, {"std": -1.0}):
        with pytest.raises(ValueError, match="a finite standard deviation above 0"):
            pipe.add_label("other", **scale)


def test_the_model_of_another_component_is_refused(nlp):
    model = {**MODEL, "@architectures": "spacy-bert.TextCatCls.v1"}
    model["exclusive_classes"] = True
    with pytest.raises(ValueError, match="expected @architectures = 'spacy-bert.Regr"):
        nlp.add_pipe("text_regressor", config={"model": model})


def _empty(nlp):
    return Example(nlp.make_doc("the"), nlp.make_doc("the"))


def scored(predicted, given):
    vocab = Vocab()
    examples = []
    for one, other in zip(predicted, given, strict=True):
        docs = Doc(vocab, ["a"]), Doc(vocab, ["a"])
        docs[0].cats, docs[1].cats = {"x": one}, {"x": other}
        examples.append(Example(*docs))
    return score_regression(examples)


def test_correlations_worked_by_hand():
    # Deviations (-1, 0, 1) and (-2, -1, 3): 5 / sqrt(2 * 14).
    scores = scored([1.0, 2.0, 3.0], [0.0, 1.0, 5.0])
    assert scores["cats_pearson"] == pytest.approx(5 / 28**0.5)
    assert scores["cats_spearman"] == pytest.approx(1.0)
    # Ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4): 4.5 / sqrt(4.5 * 5).
    scores = scored([1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0])
    assert scores["cats_spearman"] == pytest.approx((4.5 / 5) ** 0.5)


def test_labels_of_other_components_do_not_count(nlp):
    """`Pipe.score` says which labels are the component's."""
    regressor = nlp.add_pipe("text_regressor", config={"model": MODEL})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for i, example in enumerate(examples):
        example.predicted.cats = {"alike": float(i), "OTHER": float(-i)}
        example.reference.cats = {"alike": float(i), "OTHER": float(i)}
    assert list(regressor.score(examples)["cats_correlation_per_label"]) == ["alike"]


def test_equal_values_have_no_correlation():
    assert scored([1.0, 1.0], [1.0, 2.0])["cats_pearson"] is None
    assert scored([], [])["cats_pearson"] is None
