"""What [training] of a config may ask of an encoder that has no weights yet.

spaCy does not initialize what is in frozen_components, so the encoder gets no weights,
and `spacy train` would end in its first step with a message about something else.
"""

import weakref
from typing import Any

from spacy.language import Language

from ..sections import Mistakes
from .transient import Transient


class Builder(Transient):
    """The pipeline for which an encoder was built.

    is_loading: until the encoder's weights are read.
    """

    def __init__(self, nlp: Language) -> None:
        self._nlp = weakref.ref(nlp)
        self.is_loading = True

    def find_pipeline(self, *components: Any) -> Language | None:
        """Return the pipeline if all these are in it: one that was sourced is in
        another pipeline."""
        nlp = self._nlp()
        if nlp is None:
            return None
        found = {id(component) for _, component in nlp.components}
        return nlp if found >= {id(component) for component in components} else None

    def check_frozen(self, encoder: str) -> None:
        """Raise MistakesError, a ValueError, if spaCy would not give the encoder of
        that name its weights, or finds no component of a name in [training]."""
        nlp = self._nlp()
        if nlp is None or encoder not in nlp.component_names:
            return
        config = nlp.config.interpolate()
        mistakes = Mistakes()
        for key in ("frozen_components", "annotating_components"):
            names = config["training"][key]
            mistakes.expect(
                set(names) <= {*nlp.component_names},
                setting=f"[training] {key}",
                expected=f"names of components ({', '.join(nlp.component_names)})",
                got=names,
            )
        is_frozen = encoder in config["training"]["frozen_components"]
        # What comes first there may give it weights.
        if is_frozen and config["initialize"]["before_init"] is None:
            mistakes.expect(
                False,
                setting="[training] frozen_components",
                expected="no encoder without weights, as spaCy neither initializes "
                "what is frozen nor reads its checkpoint",
                got=encoder,
                advice=f"Take {encoder!r} out of there. To leave the encoder as it is, "
                f"set freeze = 'all' in [components.{encoder}.model].",
            )
        mistakes.raise_any()
