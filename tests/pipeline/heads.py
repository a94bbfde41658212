"""Heads that listen to the toy encoder."""

from spacy_bert.pipeline.starter_config import HEADS, LISTENER

CLS_LISTENER = {"@architectures": "spacy-bert.ClsListener.v1", "width": 16}


def add_head(nlp, name):
    """spaCy's own."""
    model = {**HEADS[name]["model"], "tok2vec": dict(LISTENER, width=16)}
    return nlp.add_pipe(name, config={**HEADS[name], "model": model})


def add_cls_head(nlp, name, **settings):
    """spaCy's textcat or textcat_multilabel over [CLS]."""
    model = {
        "@architectures": "spacy-bert.TextCatCls.v1",
        "exclusive_classes": name == "textcat",
        "tok2vec": {**CLS_LISTENER, **settings},
    }
    return nlp.add_pipe(name, config={"model": model})
