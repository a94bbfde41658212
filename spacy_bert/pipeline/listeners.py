"""How heads get the encoder's vectors, and how much of their gradient goes back."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from spacy import registry
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

# What a listener takes: a vector for each token; that of [CLS]; the same through the
# pooler, a dense layer and tanh.
Vectors = Literal["tokens", "cls", "pooled"]


@registry.architectures("spacy-bert.BertListener.v1")
def build_listener(
    width: int, upstream: str = "bert_encoder", grad_factor: float = 1.0
) -> Model[list[Doc], list[Floats2d]]:
    """A vector for each token, as `spacy.Tok2VecListener.v1` gives it.

    width: of the vectors, ${components.bert_encoder.model.hidden_width}.
    upstream: the encoder's name in the pipeline.
    grad_factor: what this head's gradient counts in the encoder, against the other
        heads'; 0.0 keeps it out.
    """
    return BertListener(upstream, width, takes="tokens", grad_factor=grad_factor)


@registry.architectures("spacy-bert.ClsListener.v1")
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
    takes: Vectors = "pooled" if pooled else "cls"
    return BertListener(upstream, width, takes=takes, grad_factor=grad_factor)


class BertListener(Tok2VecListener):
    """takes: what the encoder hands over, in training as in prediction."""

    name = "bert-listener"

    def __init__(
        self, upstream_name: str, width: int, *, takes: Vectors, grad_factor: float
    ) -> None:
        super().__init__(upstream_name, width)
        self.takes = takes
        self.grad_factor = grad_factor
        if takes != "tokens":
            self._func = _forward_docs


def get_takes(listener: Tok2VecListener) -> Vectors:
    """spaCy's own listeners take the tokens' vectors."""
    return listener.takes if isinstance(listener, BertListener) else "tokens"


def get_grad_factor(listener: Tok2VecListener) -> float:
    return listener.grad_factor if isinstance(listener, BertListener) else 1.0


def _forward_docs(
    model: BertListener, docs: Sequence[Doc], is_train: bool
) -> tuple[Floats2d, Callable[[Any], list[Doc]]]:
    if is_train and model._batch_id is not None:
        model.verify_inputs(docs)
        return model._outputs, model._backprop  # type: ignore[return-value]
    vectors = model.ops.alloc2f(len(docs), model.get_dim("nO"))
    for i, doc in enumerate(docs):
        vector = doc._.get(f"bert_{model.takes}")
        if vector is not None:
            vectors[i] = vector
        elif is_train:
            raise ValueError(
                f"The head listens to {model.upstream_name!r}, of which this Doc has "
                "no vectors. Put it into the pipeline before the head and, where it "
                "is not trained, into [training.annotating_components]."
            )
    return vectors, no_backprop


def no_backprop(gradient: Any) -> list[Doc]:
    return []
