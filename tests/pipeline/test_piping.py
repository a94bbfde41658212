"""nlp.pipe: Docs that come early, and one bad Doc among others."""

import numpy as np
import pytest
from heads import add_head
from spacy.tokens import Doc
from spacy.training import Example

from spacy_bert import make_pair_doc
from spacy_bert.pipeline import piping

BAD = "the bad one"


@pytest.fixture
def failed():
    return []


@pytest.fixture
def skipping(nlp, failed):
    """The toy pipeline, which notes Docs that fail and continues."""

    def note(name, component, docs, error):
        failed.append((name, [doc.text for doc in docs], str(error)))

    def finish():
        nlp.set_error_handler(note)
        return nlp

    return finish


def refuse(component, monkeypatch):
    """Have the component's predict refuse the bad Doc."""
    predict = type(component).predict

    def refusing(self, docs):
        docs = list(docs)
        if any(doc.text == BAD for doc in docs):
            raise RuntimeError("cannot read it")
        return predict(self, docs)

    monkeypatch.setattr(type(component), "predict", refusing)


def test_the_first_docs_come_before_the_last_text_is_read(nlp, monkeypatch):
    monkeypatch.setattr(piping, "MAX_DOCS_AT_ONCE", 4)
    texts = iter(["the cat"] * 100)
    next(nlp.pipe(texts))
    assert len(list(texts)) == 96


def test_a_smaller_batch_is_kept(nlp, monkeypatch):
    sizes = []
    encoder = nlp.get_pipe("bert_encoder")
    predict = encoder.predict
    monkeypatch.setattr(
        encoder, "predict", lambda docs: sizes.append(len(docs)) or predict(docs)
    )
    list(nlp.pipe(["the cat"] * 7, batch_size=3))
    assert sizes == [3, 3, 1]
    assert piping.MAX_DOCS_AT_ONCE > 3


def initialize(nlp):
    """With a tagged, classified Doc for whichever heads are there."""
    doc = Doc(nlp.vocab, words=["the", "cat"], ents=["O", "B-ANIMAL"])
    doc.cats = {"alike": 1.0}
    example = Example(nlp.make_doc("the cat"), doc)
    if "extractive_qa" in nlp.pipe_names:
        pair = make_pair_doc(nlp, "a dog", "the cat")
        pair.spans["answers"] = [pair[-1:]]
        example = Example(pair.copy(), pair)
    nlp.initialize(lambda: [example])


@pytest.mark.parametrize("head", [None, "bert_ner", "text_regressor", "extractive_qa"])
def test_one_bad_doc_goes_alone_to_the_error_handler(
    nlp, skipping, failed, monkeypatch, head
):
    if head is not None:
        add_head(nlp, head)
        initialize(nlp)
    pair = make_pair_doc(nlp, "a dog", "the cat").text
    expected = nlp(pair)
    refuse(nlp.get_pipe(head or "bert_encoder"), monkeypatch)
    texts = [pair] * 3 + [BAD] + [pair] * 2
    docs = list(skipping().pipe(texts, batch_size=5))
    assert failed == [(head or "bert_encoder", [BAD], "cannot read it")]
    assert [doc.text for doc in docs] == [pair] * 5
    for doc in docs:
        np.testing.assert_allclose(doc.tensor, expected.tensor, atol=1e-5)
        assert doc.cats == pytest.approx(expected.cats, abs=1e-5)
        found, wanted = doc.to_json(), expected.to_json()
        assert found.get("ents") == wanted.get("ents")


def test_a_doc_that_is_no_pair_leaves_the_answers_of_the_others(nlp, skipping, failed):
    add_head(nlp, "extractive_qa")
    initialize(nlp)
    pair = make_pair_doc(nlp, "a dog", "the cat").text
    docs = list(skipping().pipe([pair, "no pair", pair]))
    assert [doc.text for doc in docs] == [pair, pair]
    assert all("answers" in doc.spans for doc in docs)
    ((name, texts, _),) = failed
    assert (name, texts) == ("extractive_qa", ["no pair"])


def test_without_a_handler_the_error_is_raised_after_the_docs_before_it(
    nlp, monkeypatch
):
    refuse(nlp.get_pipe("bert_encoder"), monkeypatch)
    found = nlp.pipe(["the cat", "a dog", BAD, "the bank"])
    assert [next(found).text, next(found).text] == ["the cat", "a dog"]
    with pytest.raises(RuntimeError, match="cannot read it"):
        next(found)


def test_an_error_behind_the_pipe_is_not_its_own(nlp, skipping, failed):
    found = skipping().pipe(["the cat", "a dog"])
    next(found)
    with pytest.raises(KeyError):
        found.throw(KeyError("the caller's"))
    assert failed == []


@pytest.mark.slow
def test_two_processes_give_the_same_docs(nlp, monkeypatch):
    monkeypatch.setattr(piping, "MAX_DOCS_AT_ONCE", 3)
    texts = [f"the cat sat on {'the ' * i}bank" for i in range(10)]
    alone = [doc.tensor for doc in nlp.pipe(texts)]
    together = [doc.tensor for doc in nlp.pipe(texts, n_process=2, batch_size=5)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
