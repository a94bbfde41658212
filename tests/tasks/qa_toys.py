"""Questions for the toy encoder, and models beside it."""

from spacy.training import Example
from thinc.api import Model

from spacy_bert import make_pair_doc

LISTENER = {
    "@architectures": "spacy.Tok2VecListener.v1",
    "width": 16,
    "upstream": "bert_encoder",
}
MODEL = {"@architectures": "spacy-bert.ExtractiveQA.v1", "tok2vec": LISTENER}
ANIMALS = ["cat", "dog", "bank"]


def add_qa(nlp, *, cls=False, **config):
    model = {**MODEL, "cls": {"@architectures": "toy_cls.v1"}} if cls else MODEL
    return nlp.add_pipe("extractive_qa", config={"model": model, **config})


def make_cls():
    """Stands for [CLS] vectors: whether the context names the animal, (n_docs, 2)."""

    def forward(model, docs, is_train):
        hits = model.ops.alloc2f(len(docs), 2)
        for row, doc in zip(hits, docs, strict=True):
            words = doc.text.replace("\x1e", " ").split()
            row[int(words[1] in words[3:])] = 1.0
        return hits, lambda d_hits: []

    return Model("toy_cls", forward, dims={"nO": 2})


def make_example(nlp, question, context, *answers):
    """answers: None for a missing annotation."""
    reference = make_pair_doc(nlp, question, context)
    border = len(question) + 1
    if answers != (None,):
        starts = [border + context.index(answer) for answer in answers]
        reference.spans["answers"] = [
            reference.char_span(start, start + len(answer))
            for start, answer in zip(starts, answers, strict=True)
        ]
    return Example(nlp.make_doc(reference.text), reference)


def make_examples(nlp, *, with_unanswerable=False):
    """What does the animal of the question do?"""
    examples = []
    for one in ANIMALS:
        for other in ANIMALS:
            if one != other:
                context = f"the {one} sat . the {other} ran ."
                pairs = [(one, f"{one} sat"), (other, f"{other} ran")]
                for animal, answer in pairs:
                    question = f"the {animal} ?"
                    examples.append(make_example(nlp, question, context, answer))
                if with_unanswerable:
                    examples.append(make_example(nlp, "the money ?", context))
    return examples
