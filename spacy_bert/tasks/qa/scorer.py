"""The scorer of `extractive_qa`: exact match and F1 over questions, from 0 to 1."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal, get_args

from spacy import registry
from spacy.tokens import Doc
from spacy.training import Example

from . import cmrc_metrics, squad_metrics

Metric = Literal["squad", "cmrc"]
_METRICS = {"squad": squad_metrics, "cmrc": cmrc_metrics}

# Where a span group keeps its answers as they were given, word for word: its spans are
# whole tokens.
TEXTS_ATTR = "texts"


@registry.scorers("spacy-bert.extractive_qa_scorer.v1")
def make_extractive_qa_scorer(
    metric: Metric = "squad",
) -> Callable[..., dict[str, float | None]]:
    """metric: "squad", for text with spaces between its words, or "cmrc", for Chinese.

    Raises ValueError for another one.
    """
    if metric not in _METRICS:
        raise ValueError(
            f"[components.extractive_qa.scorer]: expected metric to be one of "
            f"{', '.join(get_args(Metric))}, got {metric!r}."
        )
    return partial(score_answers, metric=metric)


def score_answers(
    examples: Iterable[Example], *, spans_key: str, metric: Metric, **cfg: Any
) -> dict[str, float | None]:
    """{spans_key}_em and {spans_key}_f: means of exact match and of F1.

    The first predicted answer is compared with all answers of the reference. Docs whose
    reference has no group spans_key are left out; if that is all, both are None.
    """
    metrics = _METRICS[metric]
    matches, overlaps = [], []
    for example in examples:
        if spans_key in example.reference.spans:
            golds = answer_texts(example.reference, spans_key)
            answer = next(iter(answer_texts(example.predicted, spans_key)), "")
            matches.append(metrics.exact_match(answer, golds))
            overlaps.append(metrics.f1(answer, golds))
    return {
        f"{spans_key}_em": sum(matches) / len(matches) if matches else None,
        f"{spans_key}_f": sum(overlaps) / len(overlaps) if overlaps else None,
    }


def answer_texts(doc: Doc, spans_key: str) -> list[str]:
    """The answers of a group as they were given; of spans alone, their texts."""
    if spans_key not in doc.spans:
        return []
    group = doc.spans[spans_key]
    return list(group.attrs.get(TEXTS_ATTR, [span.text for span in group]))
