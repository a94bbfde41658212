"""Questions for the toy encoder."""

from spacy.training import Example

from spacy_bert import make_pair_doc

LISTENER = {
    "@architectures": "spacy.Tok2VecListener.v1",
    "width": 16,
    "upstream": "bert_encoder",
}
CLS_LISTENER = {"@architectures": "spacy-bert.ClsListener.v1", "width": 16}
MODEL = {"@architectures": "spacy-bert.ExtractiveQA.v1", "tok2vec": LISTENER}
ANIMALS = ["cat", "dog", "bank"]


def add_qa(nlp, *, cls=False, **config):
    model = {**MODEL, "cls": CLS_LISTENER} if cls else MODEL
    return nlp.add_pipe("extractive_qa", config={"model": model, **config})


def make_example(nlp, question, context, *answers):
    """answers: None for a missing annotation."""
    reference = make_pair_doc(nlp, question, context, separator="\x1e")
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
