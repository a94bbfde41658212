"""How a component knows the pipeline that it was added to."""

import weakref

from spacy.language import Language


class PipelineReference:
    """A weak one, so that a pipeline is freed, and is not pickled with its component.

    A copy of it refers to nothing.
    """

    def __init__(self, nlp: Language | None) -> None:
        self._nlp = None if nlp is None else weakref.ref(nlp)

    def get(self) -> Language | None:
        return None if self._nlp is None else self._nlp()

    def __reduce__(self) -> tuple[type, tuple[None]]:
        return PipelineReference, (None,)
