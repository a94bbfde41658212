"""The Thinc model of a token classifier: list[Doc] -> TagScores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from spacy import registry
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, chain, with_array
from thinc.types import Floats1d, Floats2d

from ...pipeline.config_errors import BLOCK, takes_config
from ...pipeline.listeners import expect_vector_kind
from ...sections import Mistakes

Decoder = Literal["softmax", "crf"]


@dataclass(frozen=True, kw_only=True)
class TagScores:
    """Scores, or the gradient of a loss by them.

    tokens: one (n_tokens, n_tags) a Doc.
    transitions: (n_tags, n_tags); [i, j] is that of going from tag i to tag j.
    start_transitions: (n_tags,), of beginning with a tag.
    """

    tokens: list[Floats2d]
    transitions: Floats2d
    start_transitions: Floats1d


@registry.architectures("spacy-bert.TokenClassifier.v1")
@takes_config
def build_token_classifier(
    tok2vec: Model[list[Doc], list[Floats2d]],
    decoder: str = "crf",
) -> Model[list[Doc], TagScores]:
    """Dropout, at the rate of [training.dropout], and a linear layer over vectors.

    decoder: "crf" learns scores of the transitions between tags too, and trains the
        probability of a Doc's tags together; "softmax" has no such scores, and trains
        each token's tag alone.

    Raises ValueError for another decoder. The number of tags (nO) comes with
    the labels.
    """
    mistakes = Mistakes()
    mistakes.collect(lambda: expect_vector_kind(tok2vec, "tokens"))
    mistakes.expect(
        decoder in get_args(Decoder),
        setting="decoder",
        expected=f"one of {', '.join(get_args(Decoder))}",
        got=decoder,
    )
    mistakes.raise_any(BLOCK)
    linear: Model[Floats2d, Floats2d] = Linear(nI=tok2vec.maybe_get_dim("nO"))
    transitions = build_transitions(is_learned=decoder == "crf")
    tag: Model[list[Floats2d], list[Floats2d]] = with_array(
        cast(Model[Floats2d, Floats2d], chain(Dropout(), linear))
    )
    model: Model[list[Doc], TagScores] = chain(tok2vec, tag, transitions)
    model.attrs["decoder"] = decoder
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", linear)
    model.set_ref("transitions", transitions)
    return model


def build_transitions(*, is_learned: bool) -> Model[list[Floats2d], TagScores]:
    """Adds the scores of the transitions to those of the tokens. They start from
    zeros, and stay zeros if they are not learned.

    At rates that suit a BERT they leave zero slowly: after 250 steps of 2e-4 on WNUT17
    none was beyond 0.02. Thirty times faster they scored the same there.
    """
    names = ("transitions", "start_transitions") if is_learned else ()
    return Model(
        "transitions",
        _forward,
        init=_init,
        dims={"nO": None},
        params={name: None for name in names},
        attrs={"is_learned": is_learned},
    )


def _forward(
    model: Model[list[Floats2d], TagScores], tokens: list[Floats2d], is_train: bool
) -> tuple[TagScores, Callable[[TagScores], list[Floats2d]]]:
    is_learned = model.attrs["is_learned"]

    def backprop(gradient: TagScores) -> list[Floats2d]:
        if is_learned:
            model.inc_grad("transitions", gradient.transitions)
            model.inc_grad("start_transitions", gradient.start_transitions)
        return gradient.tokens

    n_tags = model.get_dim("nO")
    transitions: Any = model.ops.alloc2f(n_tags, n_tags)
    start_transitions: Any = model.ops.alloc1f(n_tags)
    if is_learned:
        transitions = model.get_param("transitions")
        start_transitions = model.get_param("start_transitions")
    scores = TagScores(
        tokens=tokens, transitions=transitions, start_transitions=start_transitions
    )
    return scores, backprop


def _init(
    model: Model[list[Floats2d], TagScores],
    X: list[Floats2d] | None = None,
    Y: None = None,
) -> None:
    if model.attrs["is_learned"]:
        n_tags = model.get_dim("nO")
        model.set_param("transitions", model.ops.alloc2f(n_tags, n_tags))
        model.set_param("start_transitions", model.ops.alloc1f(n_tags))
