"""What a pipeline gets wrong, and the page of it."""

from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from typer.testing import CliRunner

from spacy_bert.cli.app import bert_cli
from spacy_bert.tasks.calibration.events import Bin, Events
from spacy_bert.tasks.calibration.heads import find_head
from spacy_bert.tasks.mistakes.finding import find_mistakes
from spacy_bert.tasks.mistakes.matching import Found, Place, match
from spacy_bert.tasks.mistakes.page import make_page

HEADS = ["crf", "textcat", "textcat_multilabel", "spancat", "questions"]

PLACES = st.builds(
    lambda start, length, label: Place(start, start + length, label),
    st.integers(0, 8),
    st.integers(1, 4),
    st.sampled_from("AB"),
)


def kinds(found, golds):
    matches = match([Found(place=Place(*one)) for one in found], golds)
    return {(one.found and one.found.place, one.gold): one.kind for one in matches}


def test_matches_by_hand():
    golds = [Place(*one) for one in [(0, 3, "A"), (5, 9, "A"), (12, 14, "B")]]
    right, shifted, other, far = (
        Place(0, 3, "A"),
        Place(6, 9, "A"),
        Place(12, 14, "A"),
        Place(20, 22, "A"),
    )
    found = [(p.start, p.end, p.label) for p in (far, right, shifted, other)]
    assert kinds(found, golds) == {
        (right, golds[0]): None,
        (shifted, golds[1]): "place",
        (other, golds[2]): "label",
        (far, None): "extra",
    }
    assert kinds([(4, 6, "B")], golds[1:2]) == {
        (Place(4, 6, "B"), golds[1]): "label and place"
    }
    assert kinds([], golds[:1]) == {(None, golds[0]): "missed"}


def test_the_larger_overlap_is_the_counterpart():
    """Also if the smaller one is found first; what is left over is extra."""
    gold = Place(0, 10, "A")
    small, large = Place(8, 12, "A"), Place(0, 7, "A")
    found = kinds([(8, 12, "A"), (0, 7, "A")], [gold])
    assert found == {(large, gold): "place", (small, None): "extra"}


@given(st.sets(PLACES), st.sets(PLACES))
def test_each_span_is_matched_once(found, golds):
    found = [Found(place=place) for place in found]
    matches = match(found, golds)
    assert Counter(one.found for one in matches if one.found) == Counter(found)
    assert Counter(one.gold for one in matches if one.gold) == Counter(golds)
    for one in matches:
        is_right = one.found is not None and one.found.place == one.gold
        assert is_right == (one.kind is None)
        if one.kind == "extra":
            left = [other.gold for other in matches if other.kind == "missed"]
            assert all(one.found.place.overlap(gold) <= 0 for gold in left)


def test_bins_by_hand():
    events = Events(
        probs=np.array([0.05, 0.95, 1.0, 0.9]),
        is_right=np.array([False, True, True, False]),
    )
    assert events.in_bins(10) == [
        Bin(low=0.0, high=0.1, n=1, mean_prob=0.05, share_right=0.0),
        Bin(
            low=0.9,
            high=1.0,
            n=3,
            mean_prob=pytest.approx(0.95),
            share_right=pytest.approx(2 / 3),
        ),
    ]


# In calibrate, that a text has no answer is a prediction as well.
@pytest.mark.parametrize("head", [head for head in HEADS if head != "questions"])
def test_probabilities_and_rightness_are_those_of_calibrate(nlp, make_head, head):
    component, examples = make_head(head)
    (report,) = find_mistakes(nlp, examples)
    expected = find_head("head", component, examples).events()
    assert sorted(report.events.probs) == pytest.approx(
        sorted(expected.probs), abs=1e-5
    )
    assert report.events.is_right.sum() == expected.is_right.sum()


@pytest.mark.parametrize("head", ["crf", "spancat", "textcat", "textcat_multilabel"])
def test_scores_are_those_of_spacy(nlp, make_head, head):
    _, examples = make_head(head)
    (report,) = find_mistakes(nlp, examples)
    assert 0 < len(report.mistakes)
    if head == "crf":
        scores = Scorer.score_spans(examples, "ents")["ents_per_type"]
    elif head == "spancat":
        scores = Scorer.score_spans(
            examples,
            "spans_sc",
            getter=lambda doc, _: doc.spans.get("sc", []),
            allow_overlap=True,
            labeled=True,
        )["spans_sc_per_type"]
    else:
        scores = Scorer.score_cats(
            examples,
            "cats",
            labels="ABC",
            multi_label=head != "textcat",
            threshold=0.5 if head != "textcat" else 0.0,
        )["cats_f_per_type"]
    assert report.counts.labels and {*report.counts.labels} <= {*"ABC"}
    for label, counts in report.counts.labels.items():
        found = dict(zip("prf", counts.scores(), strict=True))
        assert found == pytest.approx(scores[label]), label


def test_answers_by_hand(nlp, make_head):
    """Any of several gold answers will do."""
    _, examples = make_head("questions", n=12)
    for eg in examples:
        (best, *_) = eg.predicted.spans["answers"]
        gold = [eg.y[0:1], eg.y[best.start : best.end]]
        eg.reference.spans["answers"] = gold
    (report,) = find_mistakes(nlp, examples)
    assert not report.mistakes
    assert report.counts.total().n_right == 12
    for eg in examples:
        eg.reference.spans["answers"] = []
    (report,) = find_mistakes(nlp, examples)
    assert [one.kind for one in report.mistakes] == ["extra"] * 12


class _Text(HTMLParser):
    """Text and tags of a page; what a browser would run is a tag of its own."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = Counter(), []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    parser = _Text()
    parser.feed(page)
    return parser.tags, " ".join(parser.text)


@pytest.mark.parametrize("head", HEADS)
def test_the_page_has_what_was_found(nlp, make_head, head):
    _, examples = make_head(head)
    reports = find_mistakes(nlp, examples)
    page = make_page(reports, remark="a remark", n_shown=3)
    tags, text = read(page)
    (report,) = reports
    assert "a remark" in text and report.name in text
    assert tags["svg"] == 1
    shown = min(3, len(report.surest())) + min(3, len(report.missed()))
    assert page.count('class="mistake"') == shown > 0
    (first, *_) = report.surest()
    assert all(one.prob <= first.prob for one in report.surest())
    assert f"{first.prob:.2f}," in text


def test_texts_and_labels_are_not_markup():
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner").add_label("A")
    words = ["<script>alert(1)</script>", "&amp;", "x"]
    predicted, gold = Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words)
    predicted.ents = [Span(predicted, 0, 1, label="<b>")]
    gold.ents = [Span(gold, 2, 3, label="<i>")]
    page = make_page(
        find_mistakes(nlp, [Example(predicted, gold)]), remark="<u>", n_shown=5
    )
    tags, text = read(page)
    assert not {"script", "u", "i"} & {*tags}
    assert "<script>alert(1)</script>" in text and "&amp; x" in text
    # spaCy's ner gives no probabilities.
    assert tags["svg"] == 0


def test_what_cannot_be_looked_at():
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=r"Expected a pipeline with .*got sentencizer"):
        find_mistakes(nlp, [])
    nlp.add_pipe("ner").add_label("A")
    doc = nlp.make_doc("the cat")
    with pytest.raises(ValueError, match="expected annotated Docs for ner|got none"):
        find_mistakes(nlp, [Example(doc, doc.copy())])


def test_the_command(nlp, make_head, tmp_path):
    _, examples = make_head("crf", n=20)
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "test.spacy")
    page = tmp_path / "errors.html"
    arguments = [str(tmp_path / "pipeline"), str(tmp_path / "test.spacy"), str(page)]
    result = CliRunner().invoke(bert_cli, ["errors", *arguments])
    assert result.exit_code == 0, result.output
    assert "bert_ner: F" in result.output
    assert "20 Docs" in read(page.read_text(encoding="utf8"))[1]
    again = CliRunner().invoke(bert_cli, ["errors", *arguments])
    assert again.exit_code == 1 and "--force" in again.output
    forced = CliRunner().invoke(bert_cli, ["errors", *arguments, "--force", "--n", "1"])
    assert forced.exit_code == 0
    page.write_text("mine", encoding="utf8")
    refused = CliRunner().invoke(bert_cli, ["errors", *arguments, "--force"])
    assert refused.exit_code == 1 and "is not a page" in refused.output


def test_how_sure_a_missing_class_was_by_hand(nlp, make_head):
    """0.8 for a class that is not there, and 0.1 for one that is: 0.9 sure of no."""
    _, (example, *_) = make_head("textcat_multilabel", n=1)
    example.predicted.cats = {"A": 0.8, "B": 0.1, "C": 0.4}
    example.reference.cats = {"A": 0.0, "B": 1.0, "C": 0.0}
    (report,) = find_mistakes(nlp, [example])
    found = [(one.found, one.gold, one.prob) for one in report.surest()]
    assert found == [
        ("B: no", "B: yes", pytest.approx(0.9)),
        ("A: yes", "A: no", pytest.approx(0.8)),
    ]
