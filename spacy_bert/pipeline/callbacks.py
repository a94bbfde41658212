"""Callbacks for the [training] block of a config."""

from collections.abc import Callable

from spacy import registry
from spacy.language import Language


@registry.callbacks("spacy-bert.forget_paths.v1")
def make_forget_paths() -> Callable[[Language], Language]:
    """For `[training.before_to_disk]`: a saved pipeline names no path of the machine
    that trained it. It needs none to load: vocabulary and weights are inside."""

    def forget_paths(nlp: Language) -> Language:
        nlp.config["paths"] = dict.fromkeys(nlp.config["paths"])
        return nlp

    return forget_paths
