"""spaCy's own heads, listening to the toy encoder."""

from spacy_bert.pipeline.starter_config import HEADS, LISTENER


def add_head(nlp, name):
    model = {**HEADS[name]["model"], "tok2vec": dict(LISTENER, width=16)}
    return nlp.add_pipe(name, config={**HEADS[name], "model": model})
