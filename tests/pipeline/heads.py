"""The heads of starter configs, listening to the toy encoder."""

from spacy_bert.tasks.starter_config import head_config


def add_head(nlp, name, **listener_settings):
    config = head_config(name, width=16, **listener_settings)
    return nlp.add_pipe(name, config=config)
