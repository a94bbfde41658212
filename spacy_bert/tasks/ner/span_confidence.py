"""`span._.confidence`: the probability of an entity, as `bert_ner` writes it."""

from collections.abc import Iterable

from spacy.tokens import Doc, Span

_NAME = "confidence"

# A user's own extension of this name is written to as well.
if not Span.has_extension(_NAME):
    Span.set_extension(_NAME, default=None)


def set_confidence(doc: Doc, spans: Iterable[Span], probs: Iterable[float]) -> None:
    """In place of what the Doc has: spaCy keeps the value by the span's place alone, so
    another entity there would take it over."""
    for key in [*doc.user_data]:
        if isinstance(key, tuple) and key[:2] == ("._.", _NAME):
            del doc.user_data[key]
    for span, prob in zip(spans, probs, strict=True):
        span._.set(_NAME, prob)
