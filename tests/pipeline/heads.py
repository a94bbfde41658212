"""The heads of starter configs, listening to the toy encoder."""

from spacy_bert.pipeline.starter_config import HEADS, LISTENER


def add_head(nlp, name, **listener_settings):
    settings = HEADS[name]
    listener = settings["model"].get("tok2vec", LISTENER)
    listener = {**listener, "width": 16, **listener_settings}
    model = {**settings["model"], "tok2vec": listener}
    return nlp.add_pipe(name, config={**settings, "model": model})
