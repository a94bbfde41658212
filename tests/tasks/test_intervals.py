"""Intervals of text_regressor."""

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from typer.testing import CliRunner

from spacy_bert.cli.app import bert_cli
from spacy_bert.tasks.calibration.intervals import fit_intervals
from spacy_bert.tasks.starter_config import head_config


@pytest.fixture
def make_regressor(nlp):
    """(errors) -> a component, and examples on which it is that far off."""

    def make(errors, label="length"):
        regressor = nlp.add_pipe(
            "text_regressor", config=head_config("text_regressor", width=16)
        )
        docs = [nlp.make_doc("the cat sat " * (i % 3 + 1)) for i in range(len(errors))]
        for i, doc in enumerate(docs):
            doc.cats = {label: float(i)}
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
        nlp.initialize(lambda: examples)
        for example, error in zip(examples, errors, strict=True):
            example.predicted = nlp(example.text)
            value = example.predicted.cats[label]
            example.reference.cats = {label: value + error}
        return regressor, examples

    return make


def test_the_width_by_hand(make_regressor):
    """19 errors from 1 to 19: 90 % of 20 is the 18th."""
    errors = [(-1) ** i * (i + 1) for i in range(19)]
    regressor, examples = make_regressor(errors)
    found = fit_intervals("r", regressor, examples, coverage=0.9)
    assert found == {"length": pytest.approx(18, abs=1e-4)}
    found = fit_intervals("r", regressor, examples, coverage=0.5)
    assert found == {"length": pytest.approx(10, abs=1e-4)}


def test_new_values_lie_in_it_as_often_as_promised(make_regressor):
    """Errors of a skewed distribution: 2,000 times 50 to fit and one to look at."""
    regressor, examples = make_regressor(np.ones(20))
    rng = np.random.default_rng(0)
    n_inside = 0
    errors = rng.lognormal(size=(2000, 51))
    (values,) = regressor.predict([eg.predicted for eg in examples]).T
    examples = [*examples, *examples, *examples][:50]
    values = np.tile(values, 3)[:50]
    docs = [example.reference for example in examples]
    for row in errors:
        for doc, value, error in zip(docs[:20], values, row, strict=False):
            doc.cats = {"length": float(value + error)}
        half = fit_intervals("r", regressor, examples[:20], coverage=0.8)["length"]
        n_inside += row[50] <= half
    # The theory has from 0.8 to 0.8 + 1 / 21; three standard deviations are 0.027.
    assert 0.773 <= n_inside / 2000 <= 0.875


def test_too_few_texts(make_regressor):
    regressor, examples = make_regressor([1.0] * 8)
    with pytest.raises(ValueError, match="r: expected at least 9 Docs with 'length'"):
        fit_intervals("r", regressor, examples, coverage=0.9)
    with pytest.raises(ValueError, match="above 0 and below 1, got 1.0"):
        fit_intervals("r", regressor, examples, coverage=1.0)


def test_labels_that_are_missing_do_not_count(make_regressor):
    regressor, examples = make_regressor([1.0] * 9 + [50.0])
    examples[-1].reference.cats = {}
    found = fit_intervals("r", regressor, examples, coverage=0.9)
    assert found == {"length": pytest.approx(1.0, abs=1e-4)}


def test_the_command(nlp, make_regressor, tmp_path):
    _, examples = make_regressor([2.0] * 12)
    nlp.to_disk(tmp_path / "nlp")
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "dev.spacy")
    arguments = [str(tmp_path / name) for name in ("nlp", "dev.spacy", "out")]
    result = CliRunner().invoke(bert_cli, ["calibrate", *arguments])
    assert result.exit_code == 0, result.output
    assert "length: the value ± 2" in result.output
    text = examples[0].text
    assert nlp(text)._.intervals is None
    doc = spacy.load(tmp_path / "out")(text)
    low, high = doc._.intervals["length"]
    assert (low + high) / 2 == pytest.approx(doc.cats["length"])
    assert high - low == pytest.approx(4.0, abs=1e-4)
    bad = CliRunner().invoke(
        bert_cli, ["calibrate", *arguments, "--force", "--coverage", "1.5"]
    )
    assert bad.exit_code == 1 and "coverage" in bad.output


def test_training_anew_forgets_it(nlp, make_regressor):
    regressor, examples = make_regressor([2.0] * 12)
    fit_intervals("r", regressor, examples, coverage=0.5)
    nlp.initialize(lambda: examples)
    assert nlp("the cat")._.intervals is None
