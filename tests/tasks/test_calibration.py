"""Temperatures: how they are found, and what they change in each head."""

import numpy as np
import pytest
import spacy
from head_toys import ADD, LISTENER, annotate, make_texts
from spacy.tokens import DocBin
from spacy.training import Example
from test_bert_ner import draw_params
from typer.testing import CliRunner

from spacy_bert.cli.app import bert_cli
from spacy_bert.tasks.calibration.events import Events
from spacy_bert.tasks.calibration.heads import Head, find_head
from spacy_bert.tasks.calibration.temperature import calibrate

ENSEMBLE = {
    "@architectures": "spacy.TextCatEnsemble.v2",
    "tok2vec": LISTENER,
    "linear_model": {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "length": 64,
        "ngram_size": 1,
        "no_output_layer": True,
    },
}


def shown(doc):
    """What a user sees of predictions, without their probabilities."""
    is_exclusive = sum(doc.cats.values()) == pytest.approx(1, abs=1e-4)
    return (
        [(ent.start, ent.end, ent.label_) for ent in doc.ents],
        max(doc.cats, key=doc.cats.get, default=None),
        is_exclusive or [label for label, score in doc.cats.items() if score > 0.5],
        {k: [(s.start, s.end, s.label_) for s in g] for k, g in doc.spans.items()},
    )


def test_the_calibration_error_by_hand():
    """Bins 14, 8 and 1 of 15: |1 - 2 * 0.95|, |1 - 0.55| and |0 - 0.1|, of 4."""
    events = Events(
        probs=np.array([0.95, 0.95, 0.55, 0.1]),
        is_right=np.array([True, False, True, False]),
    )
    assert events.calibration_error() == pytest.approx((0.9 + 0.45 + 0.1) / 4)
    expected = -np.log([0.95, 0.05, 0.55, 0.9]).mean()
    assert events.log_loss() == pytest.approx(expected)
    assert events.kept(0.5) == (pytest.approx(2 / 3), 3 / 4)
    assert events.kept(0.95) == (0.5, 0.5)
    precision, share = events.kept(0.99)
    assert np.isnan(precision) and share == 0
    sure = Events(probs=np.array([1.0, 0.0]), is_right=np.array([True, False]))
    assert sure.calibration_error() == 0 == sure.log_loss()


class Scores:
    """A head of nothing but scores, (n,), that are right as a sigmoid of them divided
    by `truth` says."""

    def __init__(self, truth, *, n=20_000):
        rng = np.random.default_rng(0)
        self.scores = rng.normal(scale=3, size=n)
        self.is_right = rng.random(n) < 1 / (1 + np.exp(-self.scores / truth))
        self.temperature = 1.0

    def head(self):
        def scale(temperature):
            self.temperature = temperature

        def find():
            return 1 / (1 + np.exp(-self.scores / self.temperature)), self.is_right

        return Head("toy", [], find, scale=scale)


@pytest.mark.parametrize("truth", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_data_is_found(truth):
    found = calibrate(Scores(truth).head())
    assert found.temperature == pytest.approx(truth, rel=0.1)
    assert found.after.calibration_error() < 0.02
    assert found.after.log_loss() <= found.before.log_loss() + 1e-9
    if truth != 1:
        assert found.before.calibration_error() > 0.05


def test_no_temperature_fits_what_is_never_unsure():
    toy = Scores(1.0, n=100)
    toy.is_right = toy.scores > 0
    with pytest.raises(ValueError, match="no temperature from 0.05 to 20 is best"):
        calibrate(toy.head())
    assert toy.temperature == 1.0
    toy.is_right[:] = True
    with pytest.raises(ValueError, match="got 100 right ones of 100"):
        calibrate(toy.head())


@pytest.mark.parametrize("kind", ADD)
def test_each_head(nlp, make_head, tmp_path, kind):
    component, examples = make_head(kind)
    before = [shown(eg.predicted) for eg in examples]
    head = find_head(component.name, component, examples)
    first = head.events()
    losses = {}
    for temperature in np.geomspace(0.2, 18, 60):
        head.set_temperature(temperature)
        losses[temperature] = head.events().log_loss()
    head.set_temperature(1.0)
    np.testing.assert_array_equal(head.events().probs, first.probs)
    found = calibrate(head)
    # No worse than the best of a fine grid.
    assert found.after.log_loss() <= min(losses.values()) + 1e-6
    assert found.after.log_loss() < found.before.log_loss()
    assert abs(np.log(found.temperature)) > 0.05
    texts = [eg.reference.text for eg in examples]
    nlp.to_disk(tmp_path / "out")
    again = spacy.load(tmp_path / "out")
    assert [shown(doc) for doc in again.pipe(texts)] == before
    examples = [
        Example(doc, eg.reference)
        for doc, eg in zip(again.pipe(texts), examples, strict=True)
    ]
    saved = find_head(component.name, again.get_pipe(component.name), examples)
    np.testing.assert_allclose(saved.events().probs, found.after.probs, atol=1e-5)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_all_scores_of_entities_are_divided(make_head, decoder):
    """Not those of tokens alone: the probability of a path is one of their sum."""
    component, examples = make_head(decoder)
    docs = [eg.predicted for eg in examples]
    one = component.model.predict(docs)
    find_head("bert_ner", component, examples).set_temperature(4.0)
    other = component.model.predict(docs)
    np.testing.assert_allclose(other.tokens[0], one.tokens[0] / 4, atol=1e-5)
    np.testing.assert_allclose(other.transitions, one.transitions / 4, atol=1e-6)
    starts = other.start_transitions
    np.testing.assert_allclose(starts, one.start_transitions / 4, atol=1e-6)


def test_a_threshold_of_scores_is_divided_too(make_head):
    component, examples = make_head("questions")
    component.cfg["no_answer_threshold"] = 2.0
    find_head("extractive_qa", component, examples).set_temperature(4.0)
    assert component.cfg["no_answer_threshold"] == 0.5


def test_a_head_of_several_models_is_refused_by_name(nlp):
    textcat = nlp.add_pipe("textcat", config={"model": ENSEMBLE})
    docs = [annotate(nlp.make_doc(text)) for text in make_texts(6)]
    for i, doc in enumerate(docs):
        doc.cats = {label: float("ABC"[i % 3] == label) for label in "ABC"}
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    draw_params(textcat, np.random.default_rng(0))
    examples = [Example(nlp(doc.text), doc) for doc in docs]
    before = textcat.predict([eg.predicted for eg in examples])
    with pytest.raises(ValueError, match="textcat: .* such as spacy.TextCatEnsemble"):
        find_head("textcat", textcat, examples)
    after = textcat.predict([eg.predicted for eg in examples])
    np.testing.assert_array_equal(after, before)


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(bert_cli, ["calibrate", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


def save(nlp, docs, folder):
    nlp.to_disk(folder / "nlp")
    DocBin(docs=docs).to_disk(folder / "dev.spacy")
    return folder / "nlp", folder / "dev.spacy", folder / "out"


def test_the_command(nlp, make_head, tmp_path):
    _, examples = make_head("crf")
    paths = save(nlp, [eg.reference for eg in examples], tmp_path)
    said = run(*paths)
    found = calibrate(find_head("bert_ner", nlp.get_pipe("bert_ner"), examples))
    assert f"bert_ner: temperature {found.temperature:.2f}" in said
    errors = (found.before.calibration_error(), found.after.calibration_error())
    assert "{:.1f} % before, {:.1f} % after".format(*(100 * e for e in errors)) in said
    row = "0.50 {:.1f} {:.1f} {:.1f} {:.1f}".format(
        *(100 * x for x in (*found.before.kept(0.5), *found.after.kept(0.5)))
    )
    assert row in said
    text = examples[1].reference.text
    expected = [ent._.confidence for ent in nlp(text).ents]
    calibrated = spacy.load(tmp_path / "out")
    assert [ent._.confidence for ent in calibrated(text).ents] == pytest.approx(
        expected
    )
    assert "--force" in run(*paths, exit_code=1)


@pytest.mark.parametrize(
    "kind, change, words",
    [
        ("crf", lambda doc: doc.set_ents([]), "Docs with entities, got none"),
        ("textcat", lambda doc: setattr(doc, "cats", {"A": 1.0}), "several classes"),
        ("textcat", lambda doc: setattr(doc, "cats", {}), "classes, got none"),
        ("spancat", lambda doc: doc.spans.clear(), "in doc.spans['sc'], got none"),
        ("questions", lambda doc: doc.spans.clear(), "with answers in doc.spans"),
    ],
)
def test_data_without_what_it_takes(nlp, make_head, tmp_path, kind, change, words):
    _, examples = make_head(kind, n=9)
    docs = [eg.reference for eg in examples]
    for doc in docs:
        change(doc)
    paths = save(nlp, docs, tmp_path)
    assert words in run(*paths, exit_code=1)
    assert not paths[-1].exists()


def test_components_without_probabilities(nlp, make_head, tmp_path):
    _, examples = make_head("crf", n=9)
    paths = save(nlp, [eg.reference for eg in examples], tmp_path)
    said = run(*paths, "-c", "bert_encoder", exit_code=1)
    assert "got bert_encoder, whose predictions have no probabilities" in said
    said = run(*paths, "-c", "ner", exit_code=1)
    assert "some of bert_encoder, bert_ner, got ner" in said
