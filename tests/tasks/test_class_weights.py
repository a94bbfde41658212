"""Weights of labels and classes, and the focal loss, against torch."""

import numpy as np
import pytest
import spacy
import torch
import torch.nn.functional as F
from spacy.training import Example
from test_bert_ner import add_ner, draw_params, params
from test_bert_ner import make_examples as make_entities
from test_bert_ner import train as train_ner

from spacy_bert import add_encoder
from spacy_bert.tasks.text.classifier import focal_factor

LABELS = ["cat", "dog", "bird"]
KINDS = ["bert_textcat", "bert_textcat_multilabel"]


def make_classifier(nlp, factory, **settings):
    """On examples of which cat is the rarest, then bird, and the last knows nothing."""
    pipe = nlp.add_pipe(factory, config={"model": _model(factory), **settings})
    classes = [{"dog"}, {"dog"}, {"cat"}, {"bird"}, {"bird"}, {"dog"}]
    examples = []
    for text in classes:
        doc = nlp.make_doc("the " + " ".join(text))
        doc.cats = {label: float(label in text) for label in LABELS}
        examples.append(Example(nlp.make_doc(doc.text), doc))
    nlp.initialize(lambda: examples)
    return pipe, examples


def _model(factory):
    return {
        "@architectures": "spacy-bert.TextCatCls.v1",
        "exclusive_classes": "multilabel" not in factory,
        "tok2vec": {"@architectures": "spacy-bert.ClsListener.v1", "width": 16},
    }


def gradient_by_scores(pipe, examples, scores):
    """Through the component's loss and the model's last layer, for given scores."""
    linear = pipe.model.get_ref("output_layer")
    linear.set_param("W", np.eye(len(LABELS), 16, dtype="f"))
    linear.set_param("b", np.zeros(len(LABELS), dtype="f"))
    width = linear.get_dim("nI")
    top = next(node for node in pipe.model.layers if linear in node.walk())
    vectors = np.zeros((len(scores), width), dtype="f")
    vectors[:, : len(LABELS)] = scores
    for node in top.walk():
        if "dropout_rate" in node.attrs:
            node.attrs["dropout_rate"] = 0.0
    probs, backprop = top.begin_update(vectors)
    loss, d_probs = pipe.get_loss(examples, probs)
    return loss, backprop(d_probs)[:, : len(LABELS)], probs


def truths(pipe, examples):
    return torch.tensor(
        [[eg.reference.cats[label] for label in pipe.labels] for eg in examples],
        dtype=torch.float64,
    )


SCORES = np.random.default_rng(0).normal(scale=2, size=(6, 3)).astype("f")
WEIGHTS = {"cat": 3.0, "bird": 0.5}


def torch_loss(scores, target, *, weights, gamma, is_exclusive):
    """Lin et al. 2017, equation 4, and torch's weights, written out."""
    if is_exclusive:
        log_p = (scores.log_softmax(-1) * target).sum(-1)
        weight = (target * weights).sum(-1)
    else:
        log_p = F.logsigmoid(torch.where(target > 0, scores, -scores))
        weight = torch.where(target > 0, weights, 1.0)
        if not gamma:
            # As spaCy trains it.
            return (weight * (scores.sigmoid() - target) ** 2 / 2).sum()
    return -(weight * (1 - log_p.exp()) ** gamma * log_p).sum()


@pytest.mark.parametrize("factory", KINDS)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_gradient_is_torchs(nlp, factory, gamma, weights):
    pipe, examples = make_classifier(
        nlp, factory, class_weights=weights, focal_gamma=gamma
    )
    _, found, _ = gradient_by_scores(pipe, examples, SCORES)
    scores = torch.tensor(SCORES, dtype=torch.float64, requires_grad=True)
    of_labels = [(weights or {}).get(label, 1.0) for label in pipe.labels]
    loss = torch_loss(
        scores,
        truths(pipe, examples),
        weights=torch.tensor(of_labels, dtype=torch.float64),
        gamma=gamma,
        is_exclusive=factory == "bert_textcat",
    )
    (expected,) = torch.autograd.grad(loss, scores)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factory", KINDS)
def test_without_them_it_is_spacys(checkpoint, factory):
    """The same weights after the same steps, bit for bit."""
    trained = []
    for name in (factory, factory.removeprefix("bert_")):
        spacy.util.fix_random_seed(0)
        nlp = spacy.blank("xx")
        add_encoder(nlp, checkpoint, pair_separator="\x1e", max_learn_rate=1.0)
        pipe, examples = make_classifier(nlp, name)
        for _ in range(3):
            nlp.update(examples, sgd=nlp.resume_training())
        trained.append(pipe.model.get_ref("output_layer").get_param("W"))
    np.testing.assert_array_equal(*trained)


def test_balanced_weights_by_hand(nlp):
    """cat 1, dog 3, bird 2 of 6."""
    pipe, _ = make_classifier(nlp, "bert_textcat", class_weights="balanced")
    assert pipe.cfg["balanced_weights"] == {
        "dog": pytest.approx(6 / 9),
        "cat": pytest.approx(2.0),
        "bird": pytest.approx(1.0),
    }


def test_balanced_weights_of_several_classes_by_hand(nlp):
    pipe, _ = make_classifier(nlp, "bert_textcat_multilabel", class_weights="balanced")
    assert pipe.cfg["balanced_weights"] == {
        "dog": pytest.approx(1.0),
        "cat": pytest.approx(5.0),
        "bird": pytest.approx(2.0),
    }


@pytest.mark.parametrize("factory", KINDS)
def test_balanced_weights_are_saved(nlp, tmp_path, factory):
    pipe, examples = make_classifier(nlp, factory, class_weights="balanced")
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path).get_pipe(factory)
    weights = pipe.cfg["balanced_weights"]
    assert again.cfg["balanced_weights"] == pytest.approx(weights)
    expected = gradient_by_scores(pipe, examples, SCORES)[1]
    found = gradient_by_scores(again, examples, SCORES)[1]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # A label that comes later has no weight of its own.
    again.add_label("fish")
    assert again._weights()[-1] == 1.0


def test_docs_without_a_class_teach_nothing(nlp):
    pipe, examples = make_classifier(
        nlp, "bert_textcat", class_weights=WEIGHTS, focal_gamma=2.0
    )
    empty = Example(nlp.make_doc("the cat"), nlp.make_doc("the cat"))
    _, found, _ = gradient_by_scores(pipe, [*examples[:5], empty], SCORES)
    assert found[:5].any(axis=1).all() and not found[5].any()


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("prob", [0.0, 1.0])
def test_the_focal_factor_is_finite(gamma, prob):
    assert 0 <= focal_factor(np.array([prob]), gamma)[0] <= 1.01


@pytest.mark.parametrize("factory", KINDS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weights": {"cats": 2.0}}, "got 'cats'. Did you mean 'cat'"),
        ({"class_weights": {"cat": -1.0}}, "at least 0, got -1.0 for 'cat'"),
        ({"class_weights": "equal"}, "class_weights"),
        ({"focal_gamma": -1.0}, "focal_gamma"),
    ],
)
def test_bad_settings_are_named(nlp, factory, settings, message):
    with pytest.raises(ValueError, match=message):
        make_classifier(nlp, factory, **settings)


@pytest.mark.parametrize("factory", KINDS)
def test_a_class_without_examples_is_not_balanced(nlp, factory):
    pipe, examples = make_classifier(nlp, factory, class_weights="balanced")
    with pytest.raises(ValueError, match="got none of 'fish'"):
        pipe.initialize(lambda: examples, nlp=nlp, labels=[*LABELS, "fish"])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_weights_of_one_are_no_weights(nlp, checkpoint, decoder):
    losses, heads = [], []
    for weights in (None, {"LOC": 1.0, "O": 1.0}):
        spacy.util.fix_random_seed(0)
        nlp = spacy.blank("xx")
        add_encoder(nlp, checkpoint, max_learn_rate=1.0)
        ner = add_ner(nlp, decoder, label_weights=weights)
        losses.append(train_ner(nlp, make_entities(nlp), n_steps=5))
        heads.append(params(ner))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for name, expected in heads[0].items():
        np.testing.assert_allclose(heads[1][name], expected, atol=1e-4)


def test_the_weight_of_a_token_is_that_of_its_label(nlp):
    """Softmax: each token's cross-entropy, by torch."""
    weights = {"PER": 4.0, "O": 0.25}
    ner = add_ner(nlp, "softmax", label_weights=weights)
    examples = make_entities(nlp)
    nlp.initialize(lambda: examples)
    draw_params(ner, np.random.default_rng(0))
    docs = [eg.predicted for eg in examples]
    for doc in docs:
        nlp.get_pipe("bert_encoder")(doc)
    scores = ner.model.predict(docs)
    loss, gradient = ner.get_loss(examples, scores)
    expected = 0.0
    for example, doc_scores in zip(examples, scores.tokens, strict=True):
        for token, row in zip(example.reference, doc_scores, strict=True):
            label = token.ent_type_
            tag = (
                1 + 2 * ner.labels.index(label) + (token.ent_iob_ == "I")
                if label
                else 0
            )
            one = F.cross_entropy(torch.tensor(row)[None], torch.tensor([tag]))
            expected += weights.get(label or "O", 1.0) * float(one)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert len(gradient.tokens) == len(docs)


def test_a_label_that_weighs_nothing_is_not_learned(nlp):
    ner = add_ner(nlp, "crf", label_weights={"PER": 0.0})
    examples = make_entities(nlp)
    train_ner(nlp, examples)
    found = {
        ent.label_ for doc in nlp.pipe(eg.text for eg in examples) for ent in doc.ents
    }
    assert found == {"LOC"}
    assert ner.labels == ("LOC", "PER")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"PRE": 2.0}, r"label_weights: expected some of .*'PRE'. Did you mean 'PER'"),
        ({"PER": -1.0}, "label_weights: .*at least 0, got -1.0"),
        ({"PER": float("nan")}, "label_weights"),
    ],
)
def test_bad_weights_of_labels_are_named(nlp, weights, message):
    with pytest.raises(ValueError, match=message):
        add_ner(nlp, label_weights=weights)
        nlp.initialize(lambda: make_entities(nlp))
