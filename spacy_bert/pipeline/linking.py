"""Which encoder a listener is linked to, and whether it was trained with that one.

spaCy links a listener to the component that has the name of its `upstream`. A name says
nothing about weights, and may change. So a saved head also holds a fingerprint of the
encoder that it was saved with.
"""

import warnings
import weakref
from collections.abc import Iterator
from typing import Any

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from spacy.util import logger
from spacy.vocab import Vocab
from thinc.api import Model

from .config_errors import takes_config
from .encoding import get_shim
from .fingerprint import fingerprint
from .foreign_listeners import adopt, make_strict
from .listeners import get_vector_kind
from .transient import Transient

_ATTR = "encoder_fingerprint"


class LinkedTok2Vec(Tok2Vec):
    """An encoder whose listeners follow its name, and know it by its fingerprint."""

    def __init__(self, vocab: Vocab, model: Model[Any, Any], name: str) -> None:
        self._linked = _Linked()
        super().__init__(vocab, model, name)

    @property
    def name(self) -> str:
        return super().name

    @name.setter
    def name(self, name: str) -> None:
        """Called by `nlp.rename_pipe`, and by `nlp.add_pipe(..., name=, source=)`."""
        # After a pickle, spaCy's map alone knows them.
        mapped = getattr(self, "listener_map", {}).values()
        for listener in [*self._linked, *(one for some in mapped for one in some)]:
            is_linked = _get_encoder(listener) in (self, None)
            if is_linked and listener.upstream_name == self.name:
                listener.upstream_name = name
        Tok2Vec.name.__set__(self, name)  # type: ignore[attr-defined,misc]

    def find_listeners(self, component: Any) -> None:
        """Those to this name, and those that were saved with this encoder when it had
        another one. Listeners of spacy-transformers become ours."""
        adopt(
            component,
            encoder=self.name,
            width=self.model.get_dim("nO"),
            nlp=self.find_pipeline(component),
        )
        for listener in _walk_listeners(component):
            if listener.upstream_name in ("*", self.name) or self._reclaim(
                listener, component.name
            ):
                self.add_listener(listener, component.name)

    @takes_config
    def add_listener(self, listener: Tok2VecListener, component_name: str) -> None:
        """Raises ValueError if a listener of ours expects vectors of another width.

        One that listens to any Tok2Vec ("*") and another width may be another's. Warns
        if the listener was trained with another encoder.
        """
        width, expected = self.model.get_dim("nO"), listener.get_dim("nO")
        if get_vector_kind(listener) != "tokens":
            width = get_shim(self.model).architecture.hidden_width
        if width == expected:
            super().add_listener(listener, component_name)
            # For heads that split their Docs as the encoder does.
            listener.attrs["pair_separator"] = self.model.attrs["pair_separator"]
            self._link(listener, component_name)
        elif self._may_be_of_another(listener):
            return
        elif listener.upstream_name == self.name:
            raise ValueError(
                f"The listener of {component_name!r} expects vectors of width "
                f"{expected}, but those of {self.name!r} have {width}. Set its width "
                f"to {width}."
            )
        else:
            # It says so, and does not fail inside a layer, if it gets these vectors.
            make_strict(listener)
            logger.warning(
                "%r listens to any Tok2Vec of width %d, and %r has %d: they are not "
                "connected. Set its upstream to %r and its width to %d, if they ought "
                "to be.",
                *(component_name, expected, self.name, width, self.name, width),
            )

    def find_pipeline(self, component: Any) -> Language | None:
        """The pipeline of both this encoder and a head, if it is known."""
        return None

    def sign_listeners(self) -> None:
        """Write the fingerprint into the heads, before they are saved."""
        found = fingerprint(self.model)
        for listener in self._linked:
            if found is not None and _get_encoder(listener) is self:
                listener.attrs[_ATTR] = found

    def unsign_listeners(self) -> None:
        """Before a step of training, which makes signatures out of date."""
        for listener in self._linked:
            if _get_encoder(listener) is self:
                listener.attrs.pop(_ATTR, None)

    def _reclaim(self, listener: Tok2VecListener, head: str) -> bool:
        """Take a listener that was saved with this encoder under another name.

        Returns False if it was not, or is linked already to an encoder like this one.
        """
        saved = listener.attrs.get(_ATTR)
        if saved is None or saved != fingerprint(self.model):
            return False
        other = _get_encoder(listener)
        if other is not None:
            if fingerprint(other.model) == saved:
                return False
            other.remove_listener(listener, head)
        listener.link = None  # type: ignore[attr-defined]
        listener.upstream_name = self.name
        return True

    def _may_be_of_another(self, listener: Tok2VecListener) -> bool:
        """Whether a listener may belong to another encoder, which is yet to come.

        So it is while a pipeline is loaded: there are no weights yet, or the head was
        saved with another encoder, which had this one's name.
        """
        found, saved = fingerprint(self.model), listener.attrs.get(_ATTR)
        if found is None:
            return True
        return _get_encoder(listener) is None and saved not in (None, found)

    def _link(self, listener: Tok2VecListener, head: str) -> None:
        """Remember the link. Warns if the listener comes from another encoder.

        That is found out once this encoder has weights.
        """
        # `nlp.initialize` links once more when it has found out all shapes.
        listener.is_initializing = False  # type: ignore[attr-defined]
        make_strict(listener)
        if listener not in self._linked:
            found, trained_with = fingerprint(self.model), _trained_with(listener)
            if trained_with is not None:
                if found is None:
                    return
                if found != trained_with:
                    # Its own encoder may still come, under another name.
                    listener.attrs[_ATTR] = trained_with
                    warnings.warn(_warning(self.name, head), stacklevel=6)
            self._linked.add(listener)
        listener.link = _Link(self)  # type: ignore[attr-defined]


class _Linked(weakref.WeakSet[Tok2VecListener]):
    """The listeners that an encoder was linked to so far; none after a pickle."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _Linked, ()


class _Link(Transient):
    def __init__(self, encoder: Tok2Vec) -> None:
        self.encoder = weakref.ref(encoder)


def _walk_listeners(component: Any) -> Iterator[Tok2VecListener]:
    model = getattr(component, "model", None)
    if isinstance(model, Model):
        yield from (node for node in model.walk() if isinstance(node, Tok2VecListener))


def _get_encoder(listener: Tok2VecListener) -> Tok2Vec | None:
    """The encoder that a listener is linked to, None if it is to none of ours."""
    link = getattr(listener, "link", None)
    return None if link is None else link.encoder()


def _trained_with(listener: Tok2VecListener) -> str | None:
    encoder = _get_encoder(listener)
    found = None if encoder is None else fingerprint(encoder.model)
    return found or listener.attrs.get(_ATTR)


def _warning(encoder: str, head: str) -> str:
    return (
        f"Component {head!r} was trained with another encoder than {encoder!r}, which "
        "it listens to now, and will predict something else. Source its own encoder "
        "before it, under another name: nlp.add_pipe('bert_encoder', name='bert_2', "
        "source=other). Or give it a copy of its encoder before you source it: "
        f"other.replace_listeners('bert_encoder', {head!r}, ['model.tok2vec']). If you "
        f"train {head!r} with {encoder!r} now, ignore this."
    )
