"""Callbacks for the [training] and [initialize] blocks of a config."""

from collections.abc import Callable
from pathlib import Path

from spacy import registry
from spacy.language import Language
from thinc.api import Model

from ..checkpoint.resolving import resolve_checkpoint
from .encoding import find_shims


@registry.callbacks("spacy-bert.forget_paths.v1")
def make_forget_paths() -> Callable[[Language], Language]:
    """For `[training.before_to_disk]`: a saved pipeline names no path of the machine
    that trained it. It needs none to load: vocabulary and weights are inside."""

    def forget_paths(nlp: Language) -> Language:
        nlp.config["paths"] = dict.fromkeys(nlp.config["paths"])
        return nlp

    return forget_paths


@registry.callbacks("spacy-bert.load_checkpoint.v1")
def make_load_checkpoint(
    components: list[str],
    checkpoint: str | Path | None,
    lowercase: bool | None = None,
    strip_accents: bool | None = None,
    split_chinese: bool | None = None,
) -> Callable[[Language], Language]:
    """For `[initialize.before_init]`: give heads' own encoders a checkpoint's weights.

    components: their names; each has a `spacy-bert.BertEncoder.v1` in its model.
    checkpoint: a folder in the Hugging Face BERT layout, or a name on the Hugging Face
        Hub, as `add_encoder` takes them; null keeps the weights that are there. A saved
        pipeline does not read it again.
    lowercase, strip_accents, split_chinese: how text is read, instead of what the
        checkpoint says.

    Raises ValueError if a component has no encoder of its own, or one of another
    architecture, and FileNotFoundError or ValueError if it is no checkpoint.
    """

    def load_checkpoint(nlp: Language) -> Language:
        # Once: a name is asked of the Hub.
        path = None if checkpoint is None else resolve_checkpoint(checkpoint)
        for name in components:
            model = getattr(nlp.get_pipe(name), "model", None)
            shims = find_shims(model) if isinstance(model, Model) else []
            if not shims:
                raise ValueError(
                    f"[initialize.before_init]: component {name!r} has no encoder of "
                    "its own ('spacy-bert.BertEncoder.v1' in its model). If it listens "
                    "to one, set checkpoint in [initialize.components.bert_encoder]."
                )
            for shim in shims:
                if path is not None:
                    shim.load(
                        path,
                        lowercase=lowercase,
                        strip_accents=strip_accents,
                        split_chinese=split_chinese,
                    )
        return nlp

    return load_checkpoint
