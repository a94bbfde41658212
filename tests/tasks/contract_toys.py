"""The encoder and every head of ours, with gold and predictions in one form."""

from collections.abc import Callable
from dataclasses import dataclass, field

import qa_toys
import spacy
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import head_config

TEXTS = ["the cat sat .", "a cat ran on .", "the dog sat .", "a dog ran on ."]
LATER_TEXTS = ["money was in the bank .", "it was the money ."]


@dataclass(frozen=True, kw_only=True)
class Component:
    """trained_by: the head behind it, if it is none itself. later: a label that only
    LATER_TEXTS have; None: it has no labels."""

    factory: str
    score: str
    trained_by: str = ""
    later: str | None = None
    settings: dict = field(default_factory=dict)
    annotate: Callable = lambda doc, i, with_later: None

    @property
    def head(self):
        return self.trained_by or self.factory


def _entities(doc, i, with_later):
    labels = ["cat", "dog"] + ["money"] * with_later
    doc.ents = [
        Span(doc, token.i, token.i + 1, label=token.text)
        for token in doc
        if token.text in labels
    ]


def _classes(doc, i, with_later):
    labels = ["cat", "dog"] + ["money"] * with_later
    doc.cats = {label: float(label in doc.text) for label in labels}


def _numbers(doc, i, with_later):
    doc.cats = {"length": float(len(doc))}
    if with_later:
        doc.cats["money"] = float("money" in doc.text)


COMPONENTS = {
    "encoder": Component(
        factory="bert_encoder",
        trained_by="bert_ner",
        annotate=_entities,
        score="ents_f",
    ),
    "crf": Component(
        factory="bert_ner", later="money", annotate=_entities, score="ents_f"
    ),
    "softmax": Component(
        factory="bert_ner",
        later="money",
        annotate=_entities,
        settings={"decoder": "softmax"},
        score="ents_f",
    ),
    "qa": Component(factory="extractive_qa", score="answers_f"),
    "regressor": Component(
        factory="text_regressor",
        later="money",
        annotate=_numbers,
        score="cats_pearson",
    ),
    "textcat": Component(
        factory="textcat", later="money", annotate=_classes, score="cats_macro_f"
    ),
    "multilabel": Component(
        factory="textcat_multilabel",
        later="money",
        annotate=_classes,
        score="cats_macro_auc",
    ),
}


def make_nlp(checkpoint, component):
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, pair_separator="\x1e", max_learn_rate=1.0)
    config = head_config(component.head, width=16)
    config["model"] = {**config["model"], **component.settings}
    nlp.add_pipe(component.head, config=config)
    return nlp


def make_examples(nlp, component, *, with_later=False):
    if component.factory == "extractive_qa":
        return qa_toys.make_examples(nlp)
    examples = []
    for i, text in enumerate(TEXTS + LATER_TEXTS * with_later):
        reference = nlp.make_doc(text)
        component.annotate(reference, i, with_later)
        examples.append(Example(nlp.make_doc(text), reference))
    return examples


def make_trained(checkpoint, component, *, n_steps=60):
    """The pipeline and the optimizer that trained it."""
    fix_random_seed(0)
    nlp = make_nlp(checkpoint, component)
    examples = make_examples(nlp, component)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(n_steps):
        nlp.update(examples, sgd=optimizer)
    return nlp, optimizer


def predictions(nlp, component, **settings):
    """For each text: what was found -> a number for it."""
    texts = [example.predicted.text for example in make_examples(nlp, component)]
    docs = nlp.pipe(texts * 2, **settings)
    if component.factory == "bert_encoder":
        return [dict(enumerate(doc.tensor.ravel().tolist())) for doc in docs]
    return [_found(doc) for doc in docs]


def _found(doc):
    found = dict(doc.cats)
    for ent in doc.ents:
        found[f"{ent.start} {ent.end} {ent.label_}"] = 1.0
    if "answers" in doc.spans:
        group = doc.spans["answers"]
        for span, score in zip(group, group.attrs["scores"], strict=True):
            found[f"{span.start} {span.end}"] = float(score)
    return found
