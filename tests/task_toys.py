"""Docs that hold the gold of every task, for the toy encoder."""

from spacy.tokens import Doc, Span

from spacy_bert.pipeline.segments import RECORD_SEPARATOR, join_segments

# The main score of each task's heads.
SCORES = {
    "classification": ["cats_macro_f"],
    "multilabel": ["cats_macro_auc"],
    "pairs": ["cats_macro_f"],
    "similarity": ["cats_pearson"],
    "questions": ["answers_f"],
    "entities": ["ents_f"],
    "features": ["ents_f"],
    "tagging": ["tag_acc", "pos_acc", "lemma_acc"],
    "parsing": ["dep_uas", "tag_acc"],
    "spans": ["spans_sc_f"],
}


def make_docs(nlp, task):
    docs = []
    # spaCy's parser forgets arcs that it sees less than 30 times.
    for i, animal in enumerate(["cat", "dog"] * 20):
        pair = f"the {animal} ran", f"a {animal} sat on the bank"
        text = join_segments(*pair, RECORD_SEPARATOR)
        words = nlp.make_doc(text)
        n = len(words)
        doc = Doc(
            nlp.vocab,
            words=[token.text for token in words],
            spaces=[bool(token.whitespace_) for token in words],
            tags=["DET", "N"] * (n // 2),
            pos=["DET", "NOUN"] * (n // 2),
            lemmas=[token.text for token in words],
            heads=[1, 2] + [2] * (n - 2),
            deps=["dep", "dep", "ROOT"] + ["dep"] * (n - 3),
        )
        doc.cats = {"CAT": float(animal == "cat"), "DOG": float(animal == "dog")}
        if task == "similarity":
            doc.cats = {"alike": float(i % 2)}
        spans = [Span(doc, 1, 2, label="ANIMAL"), Span(doc, 5, 6, label="ANIMAL")]
        doc.ents = doc.spans["sc"] = spans
        doc.spans["answers"] = spans[1:]
        docs.append(doc)
    return docs
