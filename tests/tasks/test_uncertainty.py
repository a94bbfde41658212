"""What to annotate next: how unsure a head is, and which texts are chosen."""

import json

import numpy as np
import pytest
from head_toys import add_head, annotate, make_texts
from spacy.training import Example
from test_bert_ner import add_ner, draw_params
from typer.testing import CliRunner

from spacy_bert.cli.app import bert_cli
from spacy_bert.tasks.uncertainty import _measure, find_component, suggest

TEXTS = make_texts(40, seed=1)


@pytest.fixture
def make_nlp(nlp):
    """(a head) -> a pipeline with it, of random weights."""

    def make(head):
        component = add_ner(nlp) if head == "bert_ner" else add_head(nlp, head)
        docs = [annotate(nlp.make_doc(text)) for text in make_texts(3)]
        for label, doc in zip("ABC", docs, strict=True):
            doc.cats = {one: float(one == label) for one in "ABC"}
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
        nlp.initialize(lambda: examples)
        draw_params(component, np.random.default_rng(0))
        return nlp

    return make


def entropy(*probs):
    return -sum(p * np.log(p) for p in probs if p) / np.log(len(probs))


def test_measures_by_hand():
    rows = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    half = np.log(2) / np.log(3) / 2
    assert _measure(rows, "entropy") == pytest.approx(half)
    assert _measure(rows, "margin") == pytest.approx((1 + 0) / 2)
    even = np.full((2, 4), 0.25)
    assert _measure(even, "entropy") == pytest.approx(1)
    assert _measure(even, "margin") == 1
    for measure in ("entropy", "margin"):
        assert _measure(np.zeros((0, 3)), measure) == 0
        assert _measure(np.ones((4, 1)), measure) == 0


@pytest.mark.parametrize(
    "head, rows",
    [
        ("textcat", lambda doc: [[*doc.cats.values()]]),
        ("textcat_multilabel", lambda doc: [[p, 1 - p] for p in doc.cats.values()]),
        (
            "bert_ner",
            lambda doc: [row for row in doc.user_data["marginals"] if row.any()],
        ),
    ],
)
@pytest.mark.parametrize("measure", ["entropy", "margin"])
def test_the_least_sure_come_first(make_nlp, head, rows, measure):
    nlp = make_nlp(head)
    found = suggest(nlp, TEXTS, n=10, component=head, measure=measure)
    expected = {}
    for doc in nlp.pipe(TEXTS):
        if head == "bert_ner":
            (doc.user_data["marginals"],) = nlp.get_pipe(head).marginals([doc])
        if measure == "entropy":
            values = [entropy(*row) for row in rows(doc)]
        else:
            ranked = [sorted(row) for row in rows(doc)]
            values = [1 - (row[-1] - row[-2]) for row in ranked]
        expected[doc.text] = np.mean(values)
    assert len(found) == 10
    best = sorted(expected.values(), reverse=True)
    assert found[0].uncertainty == pytest.approx(best[0], abs=1e-5)
    assert found[0].uncertainty >= found[-1].uncertainty >= best[-1]
    for one in found:
        assert one.uncertainty == pytest.approx(expected[one.text], abs=1e-5)


def test_spans(make_nlp):
    nlp = make_nlp("spancat")
    found = suggest(nlp, [*TEXTS, "", " "], n=50, component="spancat")
    assert 0 < found[0].uncertainty <= 1
    assert {one.text for one in found} <= {*TEXTS, "", " "}


def test_near_duplicates_are_left_out(make_nlp):
    nlp = make_nlp("textcat")
    nearly = [f"the cat sat on the river bank{end}" for end in ("", " now", " NOW")]
    texts = [*nearly, "a dog ran", "a dog ran"]
    found = suggest(nlp, texts, n=10, component="textcat")
    # 6 of 7 words are in common.
    assert len(found) == 2
    assert {one.text for one in found} & {"a dog ran"}
    # A half in common is no duplicate.
    found = suggest(nlp, ["a dog ran", "a dog sat"], n=10, component="textcat")
    assert len(found) == 2


def test_white_space_does_not_change_how_sure_it_is(make_nlp):
    nlp = make_nlp("bert_ner")
    one, other = (
        suggest(nlp, [text], n=1, component="bert_ner")[0].uncertainty
        for text in ("the cat ran", "the \n\n cat ran \n")
    )
    assert one == pytest.approx(other, abs=1e-5)


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(bert_cli, ["suggest", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_the_command(make_nlp, tmp_path, suffix):
    nlp = make_nlp("textcat")
    nlp.to_disk(tmp_path / "nlp")
    lines = TEXTS if suffix == "txt" else [json.dumps({"text": t}) for t in TEXTS]
    source, output = tmp_path / f"texts.{suffix}", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines) + "\n", encoding="utf8")
    arguments = [tmp_path / "nlp", source, output, "--n", 5]
    said = run(*arguments, "--measure", "margin")
    rows = [json.loads(line) for line in output.read_text("utf8").splitlines()]
    expected = suggest(nlp, TEXTS, n=5, component="textcat", measure="margin")
    assert [row["text"] for row in rows] == [one.text for one in expected]
    assert rows[0]["meta"] == {
        "uncertainty": pytest.approx(expected[0].uncertainty, abs=1e-4),
        "component": "textcat",
    }
    assert "Wrote 5 texts" in said and "margin of textcat" in said
    assert "--force" in run(*arguments, exit_code=1)
    run(*arguments, "--force")
    source.write_text("\n", encoding="utf8")
    assert "found none" in run(*arguments, "--force", exit_code=1)
    assert len(output.read_text("utf8").splitlines()) == 5


def test_what_cannot_be_asked(make_nlp, tmp_path):
    nlp = make_nlp("textcat")
    with pytest.raises(ValueError, match="got ner, which does not say how sure"):
        find_component(nlp, "ner")
    assert find_component(nlp) == find_component(nlp, "textcat") == "textcat"
    for wrong, message in (
        ({"n": 0}, "n: expected at least 1, got 0"),
        ({"n": 1, "measure": "luck"}, "one of entropy, margin, got 'luck'"),
    ):
        with pytest.raises(ValueError, match=message):
            suggest(nlp, TEXTS, component="textcat", **wrong)
    nlp.to_disk(tmp_path / "nlp")
    texts = tmp_path / "a.txt"
    texts.write_text("the cat\n")
    words = [tmp_path / "nlp", texts, tmp_path / "out.jsonl", "--measure", "luck"]
    assert "--measure: expected entropy or margin" in run(*words, exit_code=1)
