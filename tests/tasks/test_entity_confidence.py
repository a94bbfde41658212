"""How sure `bert_ner` is: next to all paths of tags, and in the component."""

from itertools import product

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin
from test_bert_ner import TEXTS, add_ner, entities, make_doc, make_examples, train
from test_crf import all_paths

from spacy_bert.tasks.ner.bio import BioTags
from spacy_bert.tasks.ner.confidence import Confidence, WordSpans
from spacy_bert.tasks.ner.crf import Transitions, negative_log_likelihood

TAGS = BioTags(("LOC", "PER"))
ALLOWED = {
    "allowed": TAGS.allowed_transitions(),
    "allowed_start": TAGS.allowed_start_transitions(),
}


# Texts that are trained on, with so many entities.
ONE, THREE = (
    TEXTS[0].replace("[", "").replace("|LOC]", ""),
    "dog and dog sat on river .",
)


def make_case(seed, lengths):
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return 2 * torch.randn(*shape, generator=rng)

    n = TAGS.n_tags
    free = Transitions(scores=draw(n, n), start_scores=draw(n))
    return draw(sum(lengths), n), free, free.within(**ALLOWED)


def spans(*rows):
    starts, stops, begins = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return WordSpans(starts=starts, stops=stops, begins=begins)


def every_span(lengths):
    """All spans of words in one Doc, with each label."""
    first = 0
    for length in lengths:
        for start, stop in product(range(length), range(1, length + 1)):
            for label in TAGS.labels if start < stop else ():
                yield first + start, first + stop, TAGS.begin(label)
        first += length


def probs_by_hand(scores, lengths, free):
    """Sums over all paths: of every span, and of every tag of each word."""
    of_spans, of_tags, first = {}, np.zeros(scores.shape), 0
    for length in filter(None, lengths):
        paths = list(all_paths(scores[first : first + length], free, ALLOWED))
        total = torch.stack([score for _, score in paths]).logsumexp(0)
        for path, score in paths:
            prob = float((score - total).exp())
            of_tags[range(first, first + length), path] += prob
            for start, stop, label in TAGS.entities(path, range(length)):
                key = first + start, first + stop, TAGS.begin(label)
                of_spans[key] = of_spans.get(key, 0.0) + prob
        first += length
    return of_spans, of_tags


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=3),
)
def test_every_prob_is_that_of_all_paths(seed, lengths):
    scores, free, transitions = make_case(seed, lengths)
    confidence = Confidence(scores, lengths, transitions)
    expected, marginals = probs_by_hand(scores.double(), lengths, free)
    np.testing.assert_allclose(confidence.marginals(), marginals, atol=1e-5)
    candidates = list(every_span(lengths))
    found = confidence.probs(spans(*candidates))
    np.testing.assert_allclose(
        found, [expected.get(span, 0.0) for span in candidates], atol=1e-5
    )
    for threshold in (0.02, 0.3):
        likely, probs = confidence.likely_spans(threshold)
        rows = zip(likely.starts, likely.stops, likely.begins, strict=True)
        by_span = dict(zip(rows, probs, strict=True))
        assert len(by_span) == len(probs)
        sure = {span for span, prob in expected.items() if prob > threshold + 1e-5}
        perhaps = {span for span, prob in expected.items() if prob > threshold - 1e-5}
        assert sure <= set(by_span) <= perhaps
        for span, prob in by_span.items():
            assert prob == pytest.approx(expected[span], abs=1e-5)


def test_by_hand():
    """Two words, one label: O O, O B, B O, B B and B I with weights 1, 2, 3, 6, 12."""
    tags = BioTags(("LOC",))
    weights = torch.tensor([[1.0, 3.0, 1.0], [1.0, 2.0, 4.0]])
    transitions = Transitions(scores=torch.zeros(3, 3), start_scores=torch.zeros(3))
    confidence = Confidence(
        weights.log(),
        [2],
        transitions.within(
            allowed=tags.allowed_transitions(),
            allowed_start=tags.allowed_start_transitions(),
        ),
    )
    found = confidence.probs(spans((0, 1, 1), (0, 2, 1), (1, 2, 1)))
    np.testing.assert_allclose(found, [9 / 24, 12 / 24, 8 / 24], rtol=1e-6)
    expected = [[3 / 24, 21 / 24, 0], [4 / 24, 8 / 24, 12 / 24]]
    np.testing.assert_allclose(confidence.marginals(), expected, atol=1e-6)


def test_a_long_doc_loses_nothing():
    """Next to the forward algorithm in 64 bits, with the tags of the span fixed."""
    n_words = 2000
    scores, _, transitions = make_case(0, [n_words])
    confidence = Confidence(scores, [n_words], transitions)
    np.testing.assert_allclose(confidence.marginals().sum(1), 1, atol=1e-9)
    likely, probs = confidence.likely_spans(0.6)
    assert len(probs) > 20
    exact = Transitions(
        scores=transitions.scores.double(),
        start_scores=transitions.start_scores.double(),
    )
    some = np.linspace(0, len(probs) - 1, 4).astype(int)
    possible = torch.ones(len(some), n_words, TAGS.n_tags, dtype=torch.bool)
    for mask, i in zip(possible, some, strict=True):
        start, stop, begin = likely.starts[i], likely.stops[i], likely.begins[i]
        mask[start:stop] = False
        mask[start, begin] = True
        mask[start + 1 : stop, begin + 1] = True
        mask[stop : stop + 1, begin + 1] = False
    losses = negative_log_likelihood(
        scores.double().repeat(len(some), 1),
        possible.flatten(0, 1),
        [n_words] * len(some),
        exact,
    )
    np.testing.assert_allclose(probs[some], (-losses).exp(), atol=1e-9)


def add_trained(nlp, decoder="crf", **config):
    ner = add_ner(nlp, decoder)
    for name, value in config.items():
        setattr(ner, name, value)
    train(nlp, make_examples(nlp))
    return ner


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_the_prob_of_an_entity_is_that_of_its_tags(nlp, decoder):
    ner = add_trained(nlp, decoder)
    doc = nlp(ONE)
    (ent,) = doc.ents
    (marginals,) = ner.marginals([doc])
    assert marginals.shape == (len(doc), TAGS.n_tags)
    np.testing.assert_allclose(marginals.sum(1), 1, atol=1e-5)
    begin = BioTags(ner.labels).begin(ent.label_)
    # No less than what its tags share, no more than the least likely of them.
    of_tags = [
        marginals[ent.start, begin],
        *marginals[ent.start + 1 : ent.end, begin + 1],
    ]
    assert 1 - sum(1 - prob for prob in of_tags) - 0.02 < ent._.confidence
    assert ent._.confidence <= min(of_tags) + 1e-6
    assert isinstance(ent._.confidence, float)


def test_white_space_has_no_tag(nlp):
    ner = add_trained(nlp)
    plain, spaced = nlp(ONE), nlp(ONE.replace("river ", "river \n ") + " \n")
    assert entities(spaced) == [("the river \n bank", "LOC")]
    probs = [doc.ents[0]._.confidence for doc in (plain, spaced)]
    assert probs[0] == pytest.approx(probs[1], abs=1e-5)
    (marginals,) = ner.marginals([spaced])
    is_space = [token.is_space for token in spaced]
    assert not marginals[is_space].any()
    np.testing.assert_allclose(marginals[~np.array(is_space)].sum(1), 1, atol=1e-5)


def test_marginals_of_no_words(nlp):
    ner = add_trained(nlp)
    docs = [nlp(""), nlp(" \n "), nlp("a dog")]
    shapes = [found.shape for found in ner.marginals(docs)]
    assert shapes == [(0, 5), (len(docs[1]), 5), (2, 5)]
    assert [found.shape for found in ner.marginals(docs[:1])] == [(0, 5)]


def test_the_prob_goes_with_the_doc(nlp):
    add_trained(nlp)
    docs = list(nlp.pipe(TEXTS))
    probs = [[ent._.confidence for ent in doc.ents] for doc in docs]
    assert all(0 < prob <= 1 for found in probs for prob in found)
    saved = DocBin(docs=docs, store_user_data=True).to_bytes()
    again = list(DocBin().from_bytes(saved).get_docs(nlp.vocab))
    parallel = list(nlp.pipe(TEXTS, n_process=2))
    for others in (again, parallel):
        found = [[ent._.confidence for ent in doc.ents] for doc in others]
        assert [pytest.approx(prob, abs=1e-6) for prob in probs] == found
    joined = Doc.from_docs([nlp(text) for text in TEXTS])
    assert None not in [ent._.confidence for ent in joined.ents]


def test_what_was_written_before_is_gone(nlp):
    ner = add_trained(nlp)
    doc = nlp(ONE)
    span = doc[0:2]
    span._.confidence = 0.25
    doc.user_data["mine"] = 1
    ner(doc)
    assert doc[0:2]._.confidence is None and doc.user_data["mine"] == 1
    assert doc.ents[0]._.confidence is not None


def test_without_confidence_nothing_is_computed(nlp, monkeypatch):
    add_trained(nlp, confidence=False)
    monkeypatch.setattr("spacy_bert.tasks.ner.decoding.Confidence", None)
    doc = nlp(ONE)
    assert doc.ents and doc.ents[0]._.confidence is None


def test_entities_below_the_threshold_are_dropped(nlp):
    ner = add_trained(nlp)
    probs = {(ent.start, ent.end): ent._.confidence for ent in nlp(THREE).ents}
    assert len(probs) == 3
    ner.threshold = sorted(probs.values())[1]
    sure = {span for span, prob in probs.items() if prob >= ner.threshold}
    assert len(sure) == 2
    for ner.confidence in (True, False):
        doc = nlp(THREE)
        assert {(ent.start, ent.end) for ent in doc.ents} == sure
    assert doc.ents[0]._.confidence is None
    ner.threshold = 1.0
    doc = nlp(THREE)
    assert not doc.ents and doc.has_annotation("ENT_IOB")


def test_alternatives_are_the_likeliest_other_spans(nlp):
    ner = add_trained(nlp, n_alternatives=3, alternatives_threshold=1e-6)
    doc = nlp(THREE)
    group = doc.spans["alternatives"]
    scores = group.attrs["scores"]
    assert len(group) == len(scores) == 3
    assert list(scores) == sorted(scores, reverse=True)
    found = {(ent.start, ent.end, ent.label_) for ent in doc.ents}
    assert not found & {(span.start, span.end, span.label_) for span in group}
    (again,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(nlp.vocab)
    np.testing.assert_array_equal(again.spans["alternatives"].attrs["scores"], scores)
    # What the threshold drops is one of them.
    ner.threshold = 1.0
    doc = nlp(THREE)
    assert found & {(s.start, s.end, s.label_) for s in doc.spans["alternatives"]}
    ner.alternatives_threshold = 1.0
    assert len(nlp("a dog").spans["alternatives"]) == 0
    assert len(nlp("").spans["alternatives"]) == 0


def test_settings_survive_saving_and_can_be_changed(nlp, tmp_path):
    config = {"threshold": 0.5, "n_alternatives": 2, "alternatives_key": "others"}
    add_ner(nlp, **config)
    train(nlp, make_examples(nlp), n_steps=2)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path).get_pipe("bert_ner")
    assert {name: getattr(again, name) for name in config} == config
    changed = spacy.load(tmp_path, config={"components.bert_ner.threshold": 0.9})
    assert changed.get_pipe("bert_ner").threshold == 0.9


@pytest.mark.parametrize(
    "setting, value, expected",
    [
        ("threshold", 1.5, "from 0 to 1"),
        ("threshold", -0.1, "from 0 to 1"),
        ("n_alternatives", -1, "at least 0"),
        ("alternatives_threshold", 0.0, "above 0"),
    ],
)
def test_settings_out_of_range_are_named(nlp, setting, value, expected):
    with pytest.raises(ValueError, match=rf"{setting}: expected {expected}"):
        add_ner(nlp, **{setting: value})


def test_spacys_search_for_a_threshold(nlp, tmp_path):
    add_trained(nlp)
    nlp.to_disk(tmp_path / "nlp")
    docs = [make_doc(nlp, text) for text in TEXTS]
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    best, score, scores = find_threshold(
        *(str(tmp_path / "nlp"), tmp_path / "dev.spacy", "bert_ner"),
        *("threshold", "ents_f"),
        n_trials=3,
    )
    # None has a prob of 1.
    assert scores[1.0] == 0.0 and best < 1 and score == max(scores.values()) > 0.5


def test_an_entity_that_a_rule_writes_has_no_confidence(nlp):
    add_trained(nlp)
    assert entities(nlp(ONE)) == [("the river bank", "LOC")]
    ruler = nlp.add_pipe("entity_ruler", config={"overwrite_ents": True})
    ruler.add_patterns([{"label": "PLACE", "pattern": "river bank"}])
    doc = nlp(ONE)
    assert entities(doc) == [("river bank", "PLACE")]
    assert doc.ents[0]._.confidence is None
