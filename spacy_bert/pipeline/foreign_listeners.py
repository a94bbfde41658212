"""Heads that listen to a transformer, in a pipeline that may have none."""

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from thinc.api import Model


def check_connected(nlp: Language, encoder: str, *, width: int) -> None:
    """Raise ValueError for a head whose listener is a transformer's, if none serves it.

    encoder, width: what the head could listen to instead.

    Such listeners are known by what they have, so that their packages are not imported.
    """
    # A transformer that is frozen is disabled while the others are initialized.
    served = {
        id(listener)
        for _, component in nlp.components
        for listeners in getattr(component, "listener_map", {}).values()
        for listener in listeners
    }
    for name, component in nlp.pipeline:
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            is_foreign = hasattr(node, "upstream_name") and not isinstance(
                node, Tok2VecListener
            )
            if is_foreign and id(node) not in served:
                raise ValueError(
                    f"[components.{name}.model]: expected a listener to {encoder!r}, "
                    f"got a {node.name!r}, and the pipeline has no component that it "
                    "listens to. Replace its block and those inside it with "
                    "@architectures = 'spacy-bert.BertListener.v1', width = "
                    f"{width}, upstream = {encoder!r}."
                )
