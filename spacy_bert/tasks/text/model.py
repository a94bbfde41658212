"""The Thinc models of heads over the vector of [CLS]: classes and values."""

from collections.abc import Callable
from functools import partial
from math import log
from typing import Any, cast

import numpy as np
from spacy import registry
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Logistic, Model, Ops, Softmax, chain
from thinc.types import Floats2d, FloatsXd, Shape

from ...pipeline.config_errors import takes_config
from ...pipeline.listeners import expect_vector_kind
from ..losses import expect_finite
from ..resizing import resize_output


@registry.architectures("spacy-bert.TextCatCls.v1")
@takes_config
def build_cls_classifier(
    tok2vec: Model[list[Doc], Floats2d],
    exclusive_classes: bool,
    nO: int | None = None,
) -> Model[list[Doc], Floats2d]:
    """Dropout and a linear layer over [CLS] (Devlin et al. 2018, section 4.1), for
    `textcat` and `textcat_multilabel`.

    tok2vec: a `spacy-bert.ClsListener.v1`.
    exclusive_classes: softmax over the classes, or a sigmoid for each, which starts
        from 1 / n_classes.

    The rate of dropout is [training.dropout]. Docs without a class, which belong to
    another head's corpus, teach nothing. Output: (n_docs, n_classes).
    """
    expect_vector_kind(tok2vec, "[CLS]")
    output: Model[Floats2d, Floats2d]
    if exclusive_classes:
        layer = Softmax(nO=nO, init_W=_small_weights)
        output = chain(layer, Model("skip_unlabelled", _skip_unlabelled))
    else:
        layer = Linear(nO=nO, init_W=_small_weights, init_b=_rare_classes)
        output = chain(layer, Logistic(), Model("expect_finite", _expect_finite))
    model: Model[list[Doc], Floats2d] = chain(tok2vec, chain(Dropout(), output))
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", layer)
    model.attrs["multi_label"] = not exclusive_classes
    # How spaCy's `add_label` gives the model one class more.
    model.attrs["resize_output"] = partial(resize_output, is_rare=exclusive_classes)
    return model


def is_cls_classifier(model: Model[Any, Any]) -> bool:
    """Whether `spacy-bert.TextCatCls.v1` made it."""
    resize = model.attrs.get("resize_output")
    return isinstance(resize, partial) and resize.func is resize_output


@registry.architectures("spacy-bert.Regressor.v1")
@takes_config
def build_regressor(
    tok2vec: Model[list[Doc], Floats2d], nO: int | None = None
) -> Model[list[Doc], Floats2d]:
    """Dropout and a linear layer over [CLS] -> (n_docs, n_labels).

    tok2vec: a `spacy-bert.ClsListener.v1`.
    """
    expect_vector_kind(tok2vec, "[CLS]")
    layer = Linear(nO=nO)
    model: Model[list[Doc], Floats2d] = chain(tok2vec, chain(Dropout(), layer))
    model.attrs["is_regressor"] = True
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", layer)
    return model


def _small_weights(ops: Ops, shape: Shape) -> FloatsXd:
    """Draw with a standard deviation of 0.02, as BERT does. From zeros, spaCy's
    default, all classes would learn along one direction first: the mean [CLS]."""
    weights = np.random.normal(scale=0.02, size=shape).astype(np.float32)
    return ops.asarray_f(cast(FloatsXd, weights))


def _rare_classes(ops: Ops, shape: Shape) -> FloatsXd:
    """As if a text had one class of all on average. From 1/2 the first steps teach
    that most classes are absent, and little else (Lin et al. 2017, "Focal Loss for
    Dense Object Detection", section 3.3)."""
    (n_classes,) = shape
    return ops.alloc1f(n_classes) - log(max(n_classes - 1, 1))


def _skip_unlabelled(
    model: Model[Any, Any], scores: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """`textcat` takes a missing class for a 0 (`textcat_multilabel` does not), so that
    what a Doc without any comes back with, scores - truths, sums to 1 instead of 0."""

    def backprop(d_scores: Floats2d) -> Floats2d:
        expect_finite(d_scores.sum(axis=1).sum(keepdims=False), name="textcat")
        is_labelled = d_scores.sum(axis=1, keepdims=True) < 0.5
        d_labelled: Floats2d = d_scores * is_labelled
        return d_labelled

    return scores, backprop


def _expect_finite(
    model: Model[Any, Any], scores: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """spaCy's component does not look at its loss."""

    def backprop(d_scores: Floats2d) -> Floats2d:
        expect_finite(
            d_scores.sum(axis=1).sum(keepdims=False), name="textcat_multilabel"
        )
        return d_scores

    return scores, backprop
