"""Heads that share an encoder, while each Doc is annotated for one of them only."""

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from task_toys import make_docs

from spacy_bert.tasks.starter_config import starter_config

_SCORES = {
    "textcat": "cats_macro_f",
    "bert_ner": "ents_f",
    "tagger": "tag_acc",
    "extractive_qa": "answers_f",
}


@pytest.mark.slow
def test_each_head_learns_from_its_own_docs(checkpoint, spacy_train):
    whole = make_docs(spacy.blank("xx"), "classification")[:12]
    docs = [_annotated_for(head, doc) for head in _SCORES for doc in whole]
    config = starter_config(checkpoint, heads=list(_SCORES))
    settings = {
        "training.max_steps": 80,
        "training.eval_frequency": 80,
        "training.optimizer.learn_rate": 0.01,
    }
    _, path = spacy_train(config, docs, settings=settings)
    nlp = spacy.load(path)
    scores = nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in whole])
    assert {name: scores[name] for name in _SCORES.values()} == pytest.approx(
        dict.fromkeys(_SCORES.values(), 1.0), abs=0.1
    )


def _annotated_for(head: str, whole: Doc) -> Doc:
    doc = Doc(
        whole.vocab,
        words=[token.text for token in whole],
        spaces=[bool(token.whitespace_) for token in whole],
        tags=[token.tag_ for token in whole] if head == "tagger" else None,
    )
    if head == "textcat":
        doc.cats = whole.cats
    elif head == "bert_ner":
        doc.ents = list(whole.ents)
    elif head == "extractive_qa":
        answer = whole.spans["answers"][0]
        doc.spans["answers"] = [doc[answer.start : answer.end]]
    return doc
