"""Heads of which the encoder is disabled, excluded or overtaken."""

import pytest
import spacy
from spacy.training import Example
from task_toys import make_docs

from spacy_bert.pipeline.starter_config import HEADS, head_config

MESSAGE = "neither disabled nor excluded"


@pytest.mark.parametrize("head", HEADS)
def test_a_head_refuses_docs_without_vectors(nlp, tmp_path, head):
    """Rather than to predict from zeros; but its shapes are found out with zeros."""
    config = head_config(head, width=16)
    listener = config["model"]["tok2vec"]
    if listener["@architectures"] == "spacy.Tok2VecListener.v1":
        listener["@architectures"] = "spacy-bert.BertListener.v1"
    nlp.add_pipe(head, config=config)
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
