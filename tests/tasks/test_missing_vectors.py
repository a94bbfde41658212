"""Heads of which the encoder is disabled, excluded or overtaken."""

import pytest
import spacy
from spacy.training import Example
from task_toys import make_docs

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import HEADS, head_config

MESSAGE = "neither disabled nor excluded"


@pytest.mark.parametrize("head", HEADS)
def test_a_head_refuses_docs_without_vectors(nlp, tmp_path, head):
    """Rather than to predict from zeros; but its shapes are found out with zeros."""
    nlp.add_pipe(head, config=head_config(head, width=16))
    docs = make_docs(nlp, "similarity" if head == "text_regressor" else head)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "pipeline")
    text = docs[0].text
    for one in (nlp, spacy.load(tmp_path / "pipeline")):
        with one.select_pipes(disable="bert_encoder"):
            with pytest.raises(ValueError, match=MESSAGE):
                one(text)
        one(text)
        if head != "extractive_qa":
            one("")
    alone = spacy.load(tmp_path / "pipeline", exclude="bert_encoder")
    with pytest.raises(ValueError, match=MESSAGE):
        alone(text)
    alone(nlp.get_pipe("bert_encoder")(alone.make_doc(text)))


@pytest.mark.parametrize("head", ["bert_ner", "textcat"])
def test_a_head_refuses_the_vectors_of_another_encoder(nlp, checkpoint, head):
    """Rather than to predict from what it did not learn from."""
    nlp.add_pipe(head, config=head_config(head, width=16))
    docs = make_docs(nlp, head)
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    add_encoder(nlp, checkpoint, name="other")
    nlp(docs[0].text)
    config = head_config("tagger", width=16, upstream="other")
    nlp.add_pipe("tagger", config=config, after="other")
    doc = nlp.get_pipe("other")(nlp.get_pipe("bert_encoder")(nlp.make_doc("the cat")))
    with pytest.raises(ValueError, match="'bert_encoder', and .* 'other', which came"):
        nlp.get_pipe(head)(doc)
