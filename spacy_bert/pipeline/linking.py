"""Which encoder a listener is linked to, and whether it was trained with that one.

spaCy links a listener to the component that has the name of its `upstream`. A name says
nothing about weights, and may change. So a saved head also holds a fingerprint of the
encoder that it was saved with.
"""

import hashlib
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from thinc.api import Model

from .encoding import get_shim
from .listeners import BertListener
from .transient import Transient

_ATTR = "encoder_fingerprint"


class Linked(weakref.WeakSet):
    """The listeners that an encoder was linked to so far; none after a pickle."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Linked, ()


class _Link(Transient):
    def __init__(self, encoder: Tok2Vec) -> None:
        self.encoder = weakref.ref(encoder)


def walk_listeners(component: Any) -> Iterator[Tok2VecListener]:
    model = getattr(component, "model", None)
    if isinstance(model, Model):
        yield from (node for node in model.walk() if isinstance(node, Tok2VecListener))


def get_encoder(listener: Tok2VecListener) -> Tok2Vec | None:
    """The encoder that a listener is linked to, None if it is to none of ours."""
    link = getattr(listener, "link", None)
    return None if link is None else link.encoder()


def follow_name(encoder: Tok2Vec, linked: Linked, name: str) -> None:
    """Let the listeners follow an encoder whose name changes to `name`."""
    # After a pickle, spaCy's map alone knows them.
    mapped = getattr(encoder, "listener_map", {}).values()
    for listener in [*linked, *(one for some in mapped for one in some)]:
        is_linked = get_encoder(listener) in (encoder, None)
        if is_linked and listener.upstream_name == encoder.name:
            listener.upstream_name = name


def reclaim(encoder: Tok2Vec, listener: Tok2VecListener, head: str) -> bool:
    """Take a listener that was saved with this encoder under another name.

    Returns False if it was not, or is linked already to an encoder like this one.
    """
    saved = listener.attrs.get(_ATTR)
    if saved is None or saved != fingerprint(encoder.model):
        return False
    other = get_encoder(listener)
    if other is not None:
        if fingerprint(other.model) == saved:
            return False
        other.remove_listener(listener, head)
    listener.link = None  # type: ignore[attr-defined]
    listener.upstream_name = encoder.name
    return True


def link(
    encoder: Tok2Vec, linked: Linked, listener: Tok2VecListener, head: str
) -> None:
    """Remember the link. Warns if the listener comes from another encoder.

    That is found out once this encoder has weights.
    """
    if isinstance(listener, BertListener):
        # `nlp.initialize` links once more when it has found out all shapes.
        listener.is_initializing = False
    if listener not in linked:
        found, trained_with = fingerprint(encoder.model), _trained_with(listener)
        if trained_with is not None:
            if found is None:
                return
            if found != trained_with:
                # Its own encoder may still come, under another name.
                listener.attrs[_ATTR] = trained_with
                warnings.warn(_warning(encoder.name, head), stacklevel=6)
        linked.add(listener)
    listener.link = _Link(encoder)  # type: ignore[attr-defined]


def is_foreign(encoder: Tok2Vec, listener: Tok2VecListener) -> bool:
    """Whether a listener may belong to another encoder, which is yet to come.

    So it is while a pipeline is loaded: there are no weights yet, or the head was saved
    with another encoder, which had this one's name.
    """
    found, saved = fingerprint(encoder.model), listener.attrs.get(_ATTR)
    if found is None:
        return True
    return get_encoder(listener) is None and saved not in (None, found)


def sign(encoder: Tok2Vec, linked: Linked) -> None:
    """Write the encoder's fingerprint into the heads, before they are saved."""
    found = fingerprint(encoder.model)
    for listener in linked:
        if found is not None and get_encoder(listener) is encoder:
            listener.attrs[_ATTR] = found


def unsign(encoder: Tok2Vec, linked: Linked) -> None:
    """Before the encoder is trained, which makes signatures out of date."""
    for listener in linked:
        if get_encoder(listener) is encoder:
            listener.attrs.pop(_ATTR, None)


def fingerprint(model: Model) -> str | None:
    """Of the weights and of what becomes of them; None if there are none yet.

    Of the weights only vectors count, and the segments' embeddings: they are few, all
    training changes them, and 8-bit copies have them as they were.
    """
    shim = get_shim(model)
    if not shim.has_weights:
        return None
    tensors = [
        tensor.detach().float().flatten()
        for name, tensor in shim.encoder.state_dict().items()
        if name == "embeddings.segments.weight"
        or (tensor.ndim == 1 and not name.endswith(".scale"))
    ]
    choice = f"{model.attrs['layers']} {model.attrs['combine']}"
    digest = hashlib.blake2b(choice.encode("utf8"), digest_size=16)
    digest.update(torch.cat(tensors).cpu().numpy().tobytes())
    return digest.hexdigest()


def _trained_with(listener: Tok2VecListener) -> str | None:
    encoder = get_encoder(listener)
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
