"""Heads of random weights, and gold that agrees with two of three predictions."""

import random
from functools import partial

import numpy as np
import pytest
from spacy.tokens import Doc, Span
from spacy.training import Example
from test_bert_ner import add_ner, draw_params

from spacy_bert.tasks.starter_config import head_config

WORDS = "the cat sat on river bank a dog ran and money was in".split()
LISTENER = {
    "@architectures": "spacy.Tok2VecListener.v1",
    "width": 16,
    "upstream": "bert_encoder",
}
STOCK = {
    "@architectures": "spacy.TextCatReduce.v1",
    "tok2vec": LISTENER,
    "exclusive_classes": True,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": False,
    "use_reduce_mean": True,
}


def add_head(nlp, name):
    return nlp.add_pipe(name, config=head_config(name, width=16))


ADD = {
    "crf": add_ner,
    "softmax": partial(add_ner, decoder="softmax"),
    "textcat": partial(add_head, name="textcat"),
    "textcat_multilabel": partial(add_head, name="textcat_multilabel"),
    "stock textcat": lambda nlp: nlp.add_pipe("textcat", config={"model": STOCK}),
    "spancat": partial(add_head, name="spancat"),
    "questions": partial(add_head, name="extractive_qa"),
}


def make_texts(n, *, seed=0):
    rng = random.Random(seed)
    return [
        "\x1e".join(" ".join(rng.choices(WORDS, k=rng.randint(2, 5))) for _ in "ab")
        for _ in range(n)
    ]


def annotate(doc):
    """Gold of all kinds, to begin with."""
    doc.set_ents([Span(doc, 0, 1, label="A"), Span(doc, 1, 2, label="B")])
    doc.cats = {"A": 1.0, "B": 0.0, "C": 0.0}
    doc.spans["sc"] = [Span(doc, 0, 2, label="A"), Span(doc, 1, 2, label="B")]
    doc.spans["answers"] = [doc[-1:]]
    return doc


@pytest.fixture
def make_head(nlp):
    """(kind) -> a pipeline with a head of random weights, and gold that agrees with its
    predictions on two Docs of three."""

    def make(kind, n=60):
        component = ADD[kind](nlp)
        golds = [annotate(nlp.make_doc(text)) for text in make_texts(n)]
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in golds]
        with_labels = [
            Example(nlp.make_doc(d.text), Doc(nlp.vocab).from_bytes(d.to_bytes()))
            for d in golds[:3]
        ]
        for i, example in enumerate(with_labels):
            cats = {label: float("ABC"[i] == label) for label in "ABC"}
            example.reference.cats = cats
        nlp.initialize(lambda: with_labels)
        draw_params(component, np.random.default_rng(0))
        if kind == "spancat":
            # Its layers below make large numbers of such weights.
            (scorer, *_) = component.model.get_ref("scorer").layers
            scorer.set_param("W", scorer.get_param("W") / 50)
        examples = [
            Example(doc, agree(nlp.make_doc(doc.text), doc, is_right=i % 3 > 0))
            for i, doc in enumerate(nlp.pipe(doc.text for doc in golds))
        ]
        return component, examples

    return make


def agree(gold, doc, *, is_right):
    if not is_right:
        return annotate(gold)
    gold.set_ents([Span(gold, e.start, e.end, label=e.label_) for e in doc.ents])
    gold.cats = {label: float(score > 0.5) for label, score in doc.cats.items()}
    for key, group in doc.spans.items():
        gold.spans[key] = [Span(gold, s.start, s.end, label=s.label_) for s in group]
    return gold
