"""The Thinc model of `extractive_qa`: list[Doc] -> start and end logits of tokens."""

from collections.abc import Callable
from typing import Any

from spacy import registry
from spacy.tokens import Doc
from thinc.api import Linear, Model, chain, with_array
from thinc.types import Floats2d

from ...pipeline.config_errors import BLOCK, takes_config
from ...pipeline.listeners import expect_vector_kind
from ...sections import Mistakes

N_LOGITS = 2  # An answer starts here; an answer ends here.

Backprop = Callable[[list[Floats2d]], list[Doc]]


@registry.architectures("spacy-bert.ExtractiveQA.v1")
@takes_config
def build_extractive_qa(
    tok2vec: Model[list[Doc], list[Floats2d]],
    cls: Model[list[Doc], Floats2d] | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """One (n_positions, 2) a Doc: logits of starting and of ending at each token, and
    before them, if there is `cls`, those of "no answer" (Devlin et al. 2018, section
    4.3).

    tok2vec: one (n_tokens, width) a Doc.
    cls: (n_docs, width), the [CLS] vectors; without it every question has an answer.
    """
    mistakes = Mistakes()
    mistakes.collect(lambda: expect_vector_kind(tok2vec, "tokens"))
    if cls is not None:
        mistakes.collect(lambda: expect_vector_kind(cls, "[CLS]"))
    mistakes.raise_any(BLOCK)
    layers: list[Model[Any, Any]] = [chain(tok2vec, with_array(_make_scores(tok2vec)))]
    if cls is not None:
        layers.append(chain(cls, _make_scores(cls)))
    model: Model[list[Doc], list[Floats2d]] = Model(
        "extractive_qa",
        _forward,
        init=_init,
        layers=layers,
        attrs={"can_abstain": cls is not None},
    )
    model.set_ref("tok2vec", tok2vec)
    return model


def _make_scores(vectors: Model[Any, Any]) -> Model[Floats2d, Floats2d]:
    return Linear(nO=N_LOGITS, nI=vectors.maybe_get_dim("nO"))


def _init(
    model: Model[Any, Any], X: list[Doc] | None = None, Y: list[Floats2d] | None = None
) -> None:
    for layer in model.layers:
        layer.initialize(X=X)


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Backprop]:
    logits, backprop_tokens = model.layers[0](docs, is_train)
    if not model.attrs["can_abstain"]:
        return logits, backprop_tokens
    no_answer, backprop_cls = model.layers[1](docs, is_train)  # (n_docs, 2)
    vstack = model.ops.xp.vstack

    def backprop(d_logits: list[Floats2d]) -> list[Doc]:
        backprop_cls(vstack([d_doc_logits[:1] for d_doc_logits in d_logits]))
        d_tokens = [d_doc_logits[1:] for d_doc_logits in d_logits]
        d_docs: list[Doc] = backprop_tokens(d_tokens)
        return d_docs

    together = [
        vstack([no_answer[i : i + 1], token_logits])
        for i, token_logits in enumerate(logits)
    ]
    return together, backprop
