"""A component -> its predictions on annotated Docs, with probabilities, and its last
layer.

A stock head has no place for a temperature, so the weights and biases of its last layer
are divided by it: a pipeline that is saved then loads without this package's help.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.pipeline import SpanCategorizer, TextCategorizer
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import Model

from ..arrays import Floats, to_floats
from ..ner.bio import BioTags
from ..ner.component import BertNer
from ..ner.decoding import Wanted, find_entities
from ..qa.component import ExtractiveQA
from .events import Events

# Probabilities of 0 and 1 are those of finite scores, rounded.
_LEAST = 1e-12
# By how much probabilities may differ from what dividing the scores must make of them.
_TOLERANCE = 1e-3


class Head:
    """layers: those whose parameters its scores are linear in. find: the probability of
    each prediction at the temperature that is set, and whether it is right. scale:
    divides what else is compared with scores."""

    def __init__(
        self,
        name: str,
        layers: Iterable[Model[Any, Any]],
        find: Callable[[], tuple[Floats, NDArray[np.bool_]]],
        *,
        scale: Callable[[float], None] = lambda temperature: None,
    ) -> None:
        self.name = name
        self._find = find
        self._scale = scale
        self._params = [
            (layer, param, layer.get_param(param).copy())
            for layer in layers
            for param in layer.param_names
            if layer.has_param(param)
        ]

    def set_temperature(self, temperature: float) -> None:
        """Divide the scores that it was trained with."""
        for layer, param, trained in self._params:
            # A number of numpy's would make 64 bits of the parameters.
            layer.set_param(param, trained / float(temperature))
        self._scale(temperature)

    def events(self) -> Events:
        """Raises ValueError if there are none."""
        probs, is_right = self._find()
        if not len(probs):
            raise ValueError(
                f"{self.name}: expected predictions, got none. Train it longer first."
            )
        return Events(probs=probs, is_right=is_right)


def find_head(name: str, component: Any, examples: Sequence[Example]) -> Head | None:
    """None for a component whose predictions have no probabilities.

    examples: their predicted Docs as all of the pipeline has annotated them.

    Raises ValueError if they have no annotation for it, if a classifier's are all of
    one class, or if its scores cannot be divided exactly.
    """
    if isinstance(component, BertNer):
        return _entities(name, component, examples)
    if isinstance(component, ExtractiveQA):
        return _answers(name, component, examples)
    # TextCategorizer is the base of the one for several classes, too.
    if isinstance(component, TextCategorizer):
        return _classes(name, component, examples)
    if isinstance(component, SpanCategorizer):
        return _spans(name, component, examples)
    return None


def _entities(name: str, ner: BertNer, examples: Sequence[Example]) -> Head:
    tags = BioTags(ner.labels)
    known = [eg for eg in examples if eg.reference.has_annotation("ENT_IOB")]
    if not any(eg.reference.ents for eg in known):
        raise ValueError(f"{name}: expected Docs with entities, got none of them.")

    docs = [eg.predicted for eg in known]
    golds = [_gold_places(eg.reference.ents) for eg in known]

    def find() -> tuple[Floats, NDArray[np.bool_]]:
        scores = ner.model.predict(docs)
        found = find_entities(scores, docs, tags=tags, wanted=Wanted(probs=True))
        pairs = [
            (prob, _place(doc[start:end], label) in of_gold)
            for of_gold, doc, of_doc in zip(golds, docs, found, strict=True)
            for (start, end, label), prob in zip(
                of_doc.entities, of_doc.probs or (), strict=True
            )
        ]
        return _to_arrays(pairs)

    layers = [ner.model.get_ref("output_layer"), ner.model.get_ref("transitions")]
    return Head(name, layers, find)


def _answers(name: str, qa: ExtractiveQA, examples: Sequence[Example]) -> Head:
    """That a text has no answer is a prediction as well."""
    key = qa.cfg["spans_key"]
    known = [eg for eg in examples if key in eg.reference.spans]
    if not known:
        raise ValueError(
            f"{name}: expected Docs with answers in doc.spans[{key!r}], got none."
        )

    docs = [eg.predicted for eg in known]
    golds = [_gold_places(eg.reference.spans[key], has_label=False) for eg in known]

    def find() -> tuple[Floats, NDArray[np.bool_]]:
        pairs = []
        for of_gold, doc, best in zip(golds, docs, qa.predict(docs), strict=True):
            if qa.abstains(best) or not len(best.starts):
                pairs.append((best.no_answer_prob, not of_gold))
            else:
                span = doc[best.starts[0] : best.ends[0] + 1]
                pairs.append((float(best.probs[0]), _place(span, "") in of_gold))
        return _to_arrays(pairs)

    threshold = qa.cfg["no_answer_threshold"]

    def scale(temperature: float) -> None:
        qa.cfg["no_answer_threshold"] = threshold / temperature

    layers = [layer for layer in _walk_head(qa.model) if layer.name == "linear"]
    return Head(name, layers, find, scale=scale)


def _classes(name: str, textcat: TextCategorizer, examples: Sequence[Example]) -> Head:
    labels = textcat.labels
    known = [eg for eg in examples if eg.reference.cats]
    golds = np.array(
        [[eg.reference.cats.get(label, np.nan) for label in labels] for eg in known]
    ).reshape(-1, len(labels))
    n_classes = len({*map(tuple, np.nan_to_num(golds))})
    if n_classes < 2:
        raise ValueError(
            f"{name}: expected Docs of several classes, got {n_classes or 'none'}."
        )
    docs = [eg.predicted for eg in known]
    is_exclusive = not textcat.support_missing_values

    def probs() -> Floats:
        return to_floats(textcat.predict(docs))

    def find() -> tuple[Floats, NDArray[np.bool_]]:
        found = probs()
        if is_exclusive:
            best = found.argmax(1)
            rows = np.arange(len(best))
            return found[rows, best], golds[rows, best] > 0.5
        is_known = ~np.isnan(golds)
        return found[is_known], golds[is_known] > 0.5

    head = Head(name, _last_layers(textcat.model), find)
    _check_exact(head, probs, is_exclusive=is_exclusive)
    return head


def _spans(name: str, spancat: SpanCategorizer, examples: Sequence[Example]) -> Head:
    key = spancat.key
    known = [eg for eg in examples if key in eg.reference.spans]
    if not any(len(eg.reference.spans[key]) for eg in known):
        raise ValueError(
            f"{name}: expected Docs with spans in doc.spans[{key!r}], got none."
        )
    docs = [eg.predicted for eg in known]
    golds = [_gold_places(eg.reference.spans[key]) for eg in known]
    indices, first = spancat.predict(docs)
    candidates = [
        (doc, of_gold, start, end)
        for i, (of_gold, doc) in enumerate(zip(golds, docs, strict=True))
        for start, end in to_floats(indices[i].dataXd).astype(int)
    ]
    # Those that it finds, at any temperature: a score of 0 stays 0.
    rows, columns = (to_floats(first) >= 0.5).nonzero()
    is_right = np.array(
        [
            _place(doc[start:end], spancat.labels[column]) in of_gold
            for (doc, of_gold, start, end), column in (
                (candidates[row], column)
                for row, column in zip(rows, columns, strict=True)
            )
        ],
        dtype=bool,
    )

    def probs() -> Floats:
        return to_floats(spancat.predict(docs)[1])

    def find() -> tuple[Floats, NDArray[np.bool_]]:
        return probs()[rows, columns], is_right

    head = Head(name, _last_layers(spancat.model), find)
    _check_exact(head, probs, is_exclusive=False)
    return head


def _last_layers(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """What seems to be the last layer; `_check_exact` says whether it is."""
    for ref in ("output_layer", "scorer"):
        if model.has_ref(ref):
            layers = [layer for layer in model.get_ref(ref).walk() if layer.param_names]
            return layers[-1:]
    return []


def _check_exact(
    head: Head, probs: Callable[[], Floats], *, is_exclusive: bool
) -> None:
    """Raise ValueError if a temperature of 2 does not halve all scores."""
    before = np.maximum(probs(), _LEAST)
    if is_exclusive:
        halved = np.sqrt(before)
        expected = halved / halved.sum(-1, keepdims=True)
    else:
        odds = np.sqrt(before / np.maximum(1 - before, _LEAST))
        expected = odds / (1 + odds)
    head.set_temperature(2.0)
    found = probs()
    head.set_temperature(1.0)
    if not np.allclose(found, expected, rtol=0, atol=_TOLERANCE):
        raise ValueError(
            f"{head.name}: expected a model whose scores come from one last layer, got "
            "another one, such as spacy.TextCatEnsemble, which cannot be calibrated. "
            "Train one with spacy-bert.TextCatCls.v1 or spacy.TextCatReduce.v1, or "
            "leave this component out."
        )


def _walk_head(model: Model[Any, Any]) -> Iterable[Model[Any, Any]]:
    """All nodes but those of its tok2vec, which may be an encoder of its own."""
    inside = {id(node) for node in model.get_ref("tok2vec").walk()}
    return (node for node in model.walk() if id(node) not in inside)


def _place(span: Span, label: str) -> tuple[int, int, str]:
    return span.start_char, span.end_char, label


def _gold_places(
    spans: Iterable[Span], *, has_label: bool = True
) -> set[tuple[int, int, str]]:
    return {_place(span, span.label_ if has_label else "") for span in spans}


def _to_arrays(
    pairs: Sequence[tuple[float, bool]],
) -> tuple[Floats, NDArray[np.bool_]]:
    probs, is_right = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return probs, is_right == 1
