"""Examples with predictions -> what each component got right and wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import EntityRecognizer, SpanCategorizer, TextCategorizer
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..calibration.events import Events
from ..ner.component import BertNer
from ..qa.component import ExtractiveQA
from .matching import NOTHING, Counts, Found, Kind, Match, Place, match

# The label of answers, which have none.
_ANSWER = "answer"
YES, NO = "yes", "no"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """found, gold: labels, NOTHING if there is none. prob: of what was found, None if
    that is nothing or if the component gives none. match: the spans, None for classes
    of whole texts."""

    text: str
    found: str
    gold: str
    kind: Kind
    prob: float | None = None
    match: Match | None = None


@dataclass(kw_only=True)
class Report:
    """What one component gets right and wrong. events: None if it gives no
    probabilities."""

    name: str
    noun: str
    counts: Counts = field(default_factory=Counts)
    mistakes: list[Mistake] = field(default_factory=list)
    has_confusion: bool = True
    events: Events | None = None

    def surest(self) -> list[Mistake]:
        """Wrong predictions, those of the highest probability first."""
        found = [one for one in self.mistakes if one.kind != "missed"]
        return sorted(found, key=lambda one: -1 if one.prob is None else -one.prob)

    def missed(self) -> list[Mistake]:
        return [one for one in self.mistakes if one.kind == "missed"]


def find_mistakes(nlp: Language, examples: Sequence[Example]) -> list[Report]:
    """In the pipeline's order. examples: their predicted Docs as it has annotated them.

    Raises ValueError if no component of the pipeline can be looked at, or if none has
    gold annotation in the examples.
    """
    able = {name: one for name, one in nlp.pipeline if isinstance(one, _ABLE)}
    if not able:
        raise ValueError(
            "Expected a pipeline with a bert_ner, ner, textcat, textcat_multilabel, "
            f"spancat or extractive_qa, got {', '.join(nlp.pipe_names)}."
        )
    reports = [
        report
        for name, component in able.items()
        if (report := _report(name, component, examples))
    ]
    if not reports:
        raise ValueError(
            f"Expected annotated Docs for {', '.join(able)}, got none. Entities are in "
            "doc.ents, classes in doc.cats, spans and answers in doc.spans."
        )
    return reports


_ABLE = (BertNer, EntityRecognizer, TextCategorizer, SpanCategorizer, ExtractiveQA)


def _report(name: str, component: Any, examples: Sequence[Example]) -> Report | None:
    if isinstance(component, TextCategorizer):
        return _classes(name, component, examples)
    if isinstance(component, SpanCategorizer):
        return _spans(name, component.key, examples)
    if isinstance(component, ExtractiveQA):
        return _answers(name, component, examples)
    return _entities(name, examples)


def _entities(name: str, examples: Sequence[Example]) -> Report | None:
    return _of_matches(
        *(name, "entities"),
        [
            (
                eg.predicted,
                match([_found(ent) for ent in eg.predicted.ents], _places(eg.y.ents)),
            )
            for eg in examples
            if eg.reference.has_annotation("ENT_IOB")
        ],
    )


def _spans(name: str, key: str, examples: Sequence[Example]) -> Report | None:
    matches = []
    for eg in examples:
        if key in eg.reference.spans:
            group = eg.predicted.spans.get(key, [])
            scores = getattr(group, "attrs", {}).get("scores", [None] * len(group))
            found = [
                Found(place=_place(span), prob=None if score is None else float(score))
                for span, score in zip(group, scores, strict=True)
            ]
            matches.append((eg.predicted, match(found, _places(eg.y.spans[key]))))
    return _of_matches(name, "spans", matches)


def _answers(name: str, qa: ExtractiveQA, examples: Sequence[Example]) -> Report | None:
    """One answer a Doc, which is right if it is one of the gold ones."""
    key = qa.cfg["spans_key"]
    matches = []
    for eg in examples:
        if key not in eg.reference.spans:
            continue
        group = eg.predicted.spans[key]
        found = [
            Found(place=_place(span, _ANSWER), prob=float(group.attrs["scores"][0]))
            for span in list(group)[:1]
        ]
        golds = _places(eg.y.spans[key], _ANSWER)
        equal = [one.place for one in found if one.place in golds]
        matches.append((eg.predicted, match(found, equal or golds[:1])))
    return _of_matches(name, "answers", matches)


def _of_matches(
    name: str, noun: str, matches: Sequence[tuple[Doc, list[Match]]]
) -> Report | None:
    report = Report(name=name, noun=noun)
    events = []
    for doc, of_doc in matches:
        for one in of_doc:
            found = one.found.place.label if one.found else NOTHING
            gold = one.gold.label if one.gold else NOTHING
            prob = one.found.prob if one.found else None
            report.counts.add(gold, found, is_right=one.kind is None)
            if one.kind:
                report.mistakes.append(
                    Mistake(
                        text=doc.text,
                        found=found,
                        gold=gold,
                        kind=one.kind,
                        prob=prob,
                        match=one,
                    )
                )
            if prob is not None:
                events.append((prob, one.kind is None))
    report.events = _to_events(events)
    return report if matches else None


def _classes(
    name: str, textcat: TextCategorizer, examples: Sequence[Example]
) -> Report | None:
    known = [eg for eg in examples if eg.reference.cats]
    report = Report(name=name, noun="texts")
    events: list[tuple[float, bool]] = []
    for eg in known:
        if textcat.support_missing_values:
            report.has_confusion = False
            _add_labels(report, events, eg, textcat)
        else:
            _add_class(report, events, eg, textcat)
    report.events = _to_events(events)
    return report if known else None


def _add_class(
    report: Report,
    events: list[tuple[float, bool]],
    example: Example,
    textcat: TextCategorizer,
) -> None:
    probs = {label: example.predicted.cats[label] for label in textcat.labels}
    found = max(probs, key=probs.__getitem__)
    golds = [label for label, value in example.reference.cats.items() if value > 0.5]
    gold = golds[0] if golds else NOTHING
    is_right = found == gold
    report.counts.add(gold, found, is_right=is_right)
    events.append((probs[found], is_right))
    if not is_right:
        report.mistakes.append(
            Mistake(
                text=example.text,
                found=found,
                gold=gold,
                kind="label",
                prob=probs[found],
            )
        )


def _add_labels(
    report: Report,
    events: list[tuple[float, bool]],
    example: Example,
    textcat: TextCategorizer,
) -> None:
    """Each label is a question of its own, yes or no."""
    threshold = textcat.cfg["threshold"]
    for label in textcat.labels:
        truth = example.reference.cats.get(label)
        if truth is None:
            continue
        prob, is_gold = example.predicted.cats[label], truth > 0.5
        is_found = prob >= threshold
        events.append((prob, is_gold))
        if is_found and is_gold:
            report.counts.add(label, label, is_right=True)
        elif is_found or is_gold:
            gold, found = (label, NOTHING) if is_gold else (NOTHING, label)
            report.counts.add(gold, found, is_right=False)
            answers = (YES, NO) if is_found else (NO, YES)
            report.mistakes.append(
                Mistake(
                    text=example.text,
                    found=f"{label}: {answers[0]}",
                    gold=f"{label}: {answers[1]}",
                    kind="label",
                    prob=prob if is_found else 1 - prob,
                )
            )


def _to_events(pairs: Sequence[tuple[float, bool]]) -> Events | None:
    if not pairs:
        return None
    probs, is_right = zip(*pairs, strict=True)
    return Events(probs=np.array(probs), is_right=np.array(is_right, dtype=bool))


def _found(ent: Span) -> Found:
    prob = ent._.confidence if Span.has_extension("confidence") else None
    return Found(place=_place(ent), prob=prob)


def _place(span: Span, label: str | None = None) -> Place:
    return Place(span.start_char, span.end_char, label or span.label_)


def _places(spans: Iterable[Span], label: str | None = None) -> list[Place]:
    return [_place(span, label) for span in spans]
