"""Heads that listen with a listener of another package: spaCy's, or a transformer's.

Listeners of transformers are known by what they have, so that their packages are not
imported.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.pipeline import tok2vec
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.util import replace_model_node
from thinc.api import Model

from .listeners import BertListener, find_vectors, no_backprop, start_initializing

_MIGRATE = (
    "python -m spacy bert migrate OLD NEW turns the pipeline that it was trained in "
    "into one with a bert_encoder; source the head from that one."
)


def adopt(
    component: Any, *, encoder: str, width: int, nlp: Language | None = None
) -> None:
    """Let the listeners of spacy-transformers in a head listen to our encoder.

    encoder, width: its name, and that of its vectors.
    nlp: the pipeline of both, if it is known.

    A listener of ours takes the place of each one. The layer that pools pieces passes
    on what it gets, as our vectors are those of tokens. There are as many layers as
    before, so that a saved head is read in either state.

    Raises ValueError for a listener whose pooling is not the mean, and for a head that
    was trained with a transformer that is not in the pipeline.
    """
    model = getattr(component, "model", None)
    if not isinstance(model, Model):
        return
    has_transformer = nlp is not None and any(map(_is_transformer, _others(nlp)))
    for listener in list(walk_foreign(model)):
        if _is_trained(model):
            if nlp is not None and not has_transformer:
                raise ValueError(_why_unserved(component.name, listener, encoder))
            _guard(listener, component.name, encoder)
        elif is_of_spacy_transformers(listener) and (
            listener.upstream_name == encoder
            or (listener.upstream_name == "*" and not has_transformer)
        ):
            _replace(model, listener, component.name, encoder=encoder, width=width)


def make_strict(listener: Tok2VecListener) -> None:
    """Let a listener of spaCy's raise in prediction, as ours does, where it would read
    zeros: if the encoder is disabled, or has not seen the Doc."""
    if not isinstance(listener, BertListener):
        listener.init = start_initializing
        listener._func = _forward_strictly


def check_connected(nlp: Language, encoder: str, *, width: int) -> None:
    """Raise ValueError for a head that listens to a component that is not there.

    encoder, width: what the head could listen to instead.
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
            if hasattr(node, "upstream_name") and id(node) not in served:
                raise ValueError(
                    f"[components.{name}.model]: expected a listener to {encoder!r}, "
                    f"got a {node.name!r}, and the pipeline has no component that it "
                    "listens to. Replace its block and those inside it with "
                    "@architectures = 'spacy-bert.BertListener.v1', width = "
                    f"{width}, upstream = {encoder!r}."
                )


def has_adopted(listener: Any) -> bool:
    """Whether a listener has the place of one of spacy-transformers."""
    return getattr(listener, "is_adopted", False)


def _others(nlp: Language) -> list[Any]:
    return [component for _, component in nlp.components]


def walk_foreign(model: Model[Any, Any]) -> Iterator[Any]:
    for node in model.walk():
        if hasattr(node, "upstream_name") and not isinstance(node, Tok2VecListener):
            yield node


def _is_transformer(component: Any) -> bool:
    """Whether a component may be what a foreign listener listens to."""
    return hasattr(component, "listener_map") and not isinstance(
        component, tok2vec.Tok2Vec
    )


def is_of_spacy_transformers(listener: Any) -> bool:
    return type(listener).__module__.split(".")[0] == "spacy_transformers"


def _is_trained(model: Model[Any, Any]) -> bool:
    """Whether a head has weights: those of a new one are made by `nlp.initialize`."""
    return any(
        node.has_param(name) for node in model.walk() for name in node.param_names
    )


def _replace(
    model: Model[Any, Any], listener: Any, head: str, *, encoder: str, width: int
) -> None:
    parent, pooled = find_pooled(model, listener)
    pooling = pooled.layers[0].name
    if pooling != "reduce_mean":
        raise ValueError(
            f"[components.{head}.model]: expected the mean of each token's pieces, "
            f"which is what {encoder!r} gives, got a listener with the pooling "
            f"{pooling!r}. Set @layers = 'reduce_mean.v1' in its pooling."
        )
    ours = BertListener(
        listener.upstream_name,
        width,
        kind="tokens",
        grad_factor=pooled.attrs["grad_factor"],
    )
    ours.is_adopted = True  # type: ignore[attr-defined]
    replace_model_node(model, listener, ours)
    pooled._func = _pass_on


def find_pooled(
    model: Model[Any, Any], listener: Any
) -> tuple[Model[Any, Any], Model[Any, Any]]:
    """The layer that holds a listener, and the one that pools what it hears."""
    for node in model.walk():
        if listener in node.layers:
            return node, node.layers[node.layers.index(listener) + 1]
    raise AssertionError(f"{listener.name!r} is not in {model.name!r}")


def _pass_on(
    model: Model[Any, Any], vectors: Any, is_train: bool
) -> tuple[Any, Callable[[Any], Any]]:
    return vectors, _return


def _return(gradient: Any) -> Any:
    return gradient


def _why_unserved(head: str, listener: Any, encoder: str) -> str:
    return (
        f"Component {head!r} was trained with a transformer, by a {listener.name!r}. "
        f"The pipeline has none, and the vectors of {encoder!r} would mean nothing to "
        f"it. {_MIGRATE}"
    )


def _guard(listener: Any, head: str, encoder: str) -> None:
    """Let a listener of spacy-transformers raise where it would predict from zeros."""
    if not is_of_spacy_transformers(listener) or hasattr(listener, "why_unserved"):
        return
    listener.forward_unguarded = listener._func
    listener.why_unserved = _why_unserved(head, listener, encoder)
    listener._func, listener.init = _forward_guarded, _unguard


def _forward_guarded(model: Any, docs: Sequence[Doc], is_train: bool) -> Any:
    if not is_train and any(doc._.trf_data is None for doc in docs):
        raise ValueError(model.why_unserved)
    return model.forward_unguarded(model, docs, is_train)


def _unguard(model: Any, X: Any = None, Y: Any = None) -> None:
    """To find out shapes, Docs are taken that have been through no component."""
    model._func = model.forward_unguarded


def _forward_strictly(
    model: Tok2VecListener, docs: Sequence[Doc], is_train: bool
) -> tuple[Any, Callable[[Any], list[Doc]]]:
    if is_train:
        vectors, backprop = tok2vec.forward(model, docs, is_train)
        return vectors, backprop
    return [find_vectors(model, doc, is_train) for doc in docs], no_backprop
