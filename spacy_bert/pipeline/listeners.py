"""How heads get the encoder's vectors, and how much of their gradient goes back."""

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from spacy import registry
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .config_errors import takes_config
from .doc_vectors import get_doc_vector
from .missing_vectors import why_missing
from .transient import Transient

# What an encoder gives a listener: a vector for each token; that of [CLS]; the same
# through the pooler, a dense layer and tanh.
VectorKind = Literal["tokens", "cls", "pooled"]


# What a head's config has as `tok2vec`.
LISTENER: Mapping[str, Any] = {
    "@architectures": "spacy-bert.BertListener.v1",
    "width": "${components.bert_encoder.model.hidden_width}",
    "upstream": "bert_encoder",
}
CLS_LISTENER: Mapping[str, Any] = {
    **LISTENER,
    "@architectures": "spacy-bert.ClsListener.v1",
}


def with_listener(model: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A head's model config, with changes in its listener, such as its width."""
    return {**model, "tok2vec": {**model["tok2vec"], **changes}}


@registry.architectures("spacy-bert.BertListener.v1")
@takes_config
def build_listener(
    width: int, upstream: str = "bert_encoder", grad_factor: float = 1.0
) -> Model[list[Doc], list[Floats2d]]:
    """A vector for each token, as `spacy.Tok2VecListener.v1` gives it.

    width: of the vectors, ${components.bert_encoder.model.hidden_width}.
    upstream: the encoder's name in the pipeline.
    grad_factor: what this head's gradient counts in the encoder, against the other
        heads'; 0.0 keeps it out.
    """
    return BertListener(upstream, width, kind="tokens", grad_factor=grad_factor)


@registry.architectures("spacy-bert.ClsListener.v1")
@takes_config
def build_cls_listener(
    width: int,
    upstream: str = "bert_encoder",
    grad_factor: float = 1.0,
    pooled: bool = True,
) -> Model[list[Doc], Floats2d]:
    """The vector of [CLS], one a Doc: the mean over a long Doc's windows, and zeros
    before the pooler for a Doc without text.

    pooled: through the checkpoint's pooler, as in pretraining (NSP) and in
        `transformers`; without it, as it leaves the last layer.

    The other arguments are those of `spacy-bert.BertListener.v1`.
    """
    kind: VectorKind = "pooled" if pooled else "cls"
    return BertListener(upstream, width, kind=kind, grad_factor=grad_factor)


class BertListener(Tok2VecListener):
    """kind: what the encoder hands over, in training as in prediction.

    Raises ValueError for a Doc that the encoder has not seen, or another one since.
    """

    name = "bert-listener"

    def __init__(
        self, upstream_name: str, width: int, *, kind: VectorKind, grad_factor: float
    ) -> None:
        if not 0.0 <= grad_factor < float("inf"):
            raise ValueError(
                f"grad_factor must be a number from 0 up, got {grad_factor}. A head "
                "with 0 leaves the encoder alone."
            )
        super().__init__(upstream_name, width)
        self.vector_kind = kind
        self.grad_factor = grad_factor
        # Only then may vectors be missing: spaCy finds out shapes with Docs that have
        # been through no component.
        self.is_initializing = False
        self.init = start_initializing
        self._func = _forward

    @classmethod
    def get_batch_id(cls, inputs: Iterable[Doc]) -> Any:
        """The very Docs: `nlp.update` copies them, so that vectors which another call
        left are not taken for those of a batch with the same words."""
        return Batch(weakref.ref(doc) for doc in inputs)


class Batch(Transient, tuple[weakref.ref[Doc], ...]):
    """The Docs of a batch, which it does not keep alive. Equal if they are the same."""


class WordsOf(Transient, int):
    """A batch as spaCy's listeners know it, by a hash of its words.

    Unequal to everything once its Docs are gone, as they are after `nlp.update`. Then
    spaCy raises E953, and does not take another batch of the same words for it.
    """

    docs: Batch

    def __ne__(self, other: object) -> bool:
        return int(self) != other or any(ref() is None for ref in self.docs)


def hand_over(
    listener: Tok2VecListener,
    docs: Sequence[Doc],
    vectors: Any,
    backprop: Callable[[Any], list[Doc]],
) -> None:
    """Give a listener of any kind what it needs to train on these Docs."""
    batch = listener.get_batch_id(docs)
    if not isinstance(batch, Batch):
        batch = WordsOf(batch)
        batch.docs = BertListener.get_batch_id(docs)
    listener.receive(batch, vectors, backprop)


def drop_batch(listener: Tok2VecListener) -> None:
    """Let a listener of any kind forget its batch, so that it cannot be used again."""
    listener.receive(None, None, None)  # type: ignore[arg-type]


def get_vector_kind(listener: Tok2VecListener) -> VectorKind:
    """spaCy's own listeners take the tokens' vectors."""
    return listener.vector_kind if isinstance(listener, BertListener) else "tokens"


def get_grad_factor(listener: Tok2VecListener) -> float:
    return listener.grad_factor if isinstance(listener, BertListener) else 1.0


def expect_vector_kind(
    tok2vec: Model[Any, Any], expected: Literal["tokens", "[CLS]"]
) -> None:
    """What a head's model asks of the listener that it is given.

    Raises ValueError if that one gives the other kind of vectors.
    """
    found = tok2vec.attrs.get("vector_kind", "")
    if isinstance(tok2vec, Tok2VecListener):
        found = get_vector_kind(tok2vec)
    if found and (found == "tokens") != (expected == "tokens"):
        names = {"tokens": "BertListener", "[CLS]": "ClsListener"}
        raise ValueError(
            f"Expected a model that gives the vectors of {expected}, got "
            f"{tok2vec.name!r}, which gives those of "
            f"{'tokens' if found == 'tokens' else '[CLS]'}. Set its @architectures to "
            f"'spacy-bert.{names[expected]}.v1'."
        )


def start_initializing(model: Any, X: Any = None, Y: Any = None) -> None:
    """As `model.init`: let vectors be missing until the listener is linked again."""
    model.is_initializing = True


def _forward(
    model: BertListener, docs: Sequence[Doc], is_train: bool
) -> tuple[Any, Callable[[Any], list[Doc]]]:
    if is_train and model._batch_id == model.get_batch_id(docs):
        model.is_initializing = False
        return model._outputs, model._backprop  # type: ignore[return-value]
    found = [find_vectors(model, doc, is_train) for doc in docs]
    if model.vector_kind == "tokens":
        return found, no_backprop
    vectors = model.ops.alloc2f(len(docs), model.get_dim("nO"))
    for i, vector in enumerate(found):
        vectors[i] = vector
    return vectors, no_backprop


def find_vectors(model: Tok2VecListener, doc: Doc, is_train: bool) -> Any:
    """(n_tokens, width) or (width,), zeros while initializing.

    Raises ValueError if the encoder that is listened to has not seen the Doc.
    """
    width, kind = model.get_dim("nO"), get_vector_kind(model)
    wanted, source = model.upstream_name, get_doc_vector("bert_source", doc)
    if wanted != "*" and source not in (None, wanted):
        raise ValueError(
            f"The head listens to {wanted!r}, and the Doc has the vectors of "
            f"{source!r}, which came later. Put each encoder right before the heads "
            "that listen to it."
        )
    if kind == "tokens":
        shape: tuple[int, ...] = (len(doc), width)
        vectors = doc.tensor if doc.tensor.shape == shape else None
    else:
        shape, vectors = (width,), get_doc_vector(f"bert_{kind}", doc)
    if vectors is not None:
        return vectors
    if is_train or not getattr(model, "is_initializing", False):
        raise ValueError(
            why_missing(
                doc,
                kind=kind,
                width=width,
                wanted=wanted,
                is_train=is_train,
            )
        )
    return model.ops.alloc_f(shape)


def no_backprop(gradient: Any) -> list[Doc]:
    return []
