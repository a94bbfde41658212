"""What is wrong with the entities of training examples: examples -> warnings.

`spacy debug data` makes these checks for spaCy's own `ner` alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from spacy.tokens import Span
from spacy.training import Example
from spacy.util import logger

# As `spacy debug data`.
_FEW = 50
_N_SHOWN = 3


@dataclass(kw_only=True)
class EntityCounts:
    """n_entities, n_docs: of each label, how many entities, and Docs that have one.

    odd: what is odd about entities -> their texts.
    """

    n_examples: int = 0
    n_entities: Counter[str] = field(default_factory=Counter)
    n_docs: Counter[str] = field(default_factory=Counter)
    odd: dict[str, list[str]] = field(default_factory=dict)


def count_entities(examples: Iterable[Example]) -> EntityCounts:
    counts = EntityCounts()
    for example in examples:
        entities = example.reference.ents
        counts.n_examples += 1
        counts.n_entities.update(ent.label_ for ent in entities)
        counts.n_docs.update({ent.label_ for ent in entities})
        for ent in entities:
            if oddity := _oddity(ent, example):
                counts.odd.setdefault(oddity, []).append(ent.text)
    return counts


def warn_of_entities(counts: EntityCounts, labels: Iterable[str], *, name: str) -> None:
    """Log a warning for each thing that training would not say.

    labels: what the component named `name` is to predict.
    """
    for oddity, texts in counts.odd.items():
        shown = ", ".join(map(repr, texts[:_N_SHOWN]))
        logger.warning("%s: %d entities %s: %s", name, len(texts), oddity, shown)
    few = [label for label in labels if counts.n_entities[label] < _FEW]
    if few:
        logger.warning(
            "%s: labels of fewer than %d entities in the training examples: %s. They "
            "may not be learned.",
            *(name, _FEW),
            ", ".join(f"{label} ({counts.n_entities[label]})" for label in few),
        )
    always = [label for label in few if counts.n_docs[label] == counts.n_examples]
    if always:
        logger.warning(
            "%s: labels that every training example has: %s. Add texts without them.",
            *(name, ", ".join(always)),
        )


def _oddity(ent: Span, example: Example) -> str:
    words = [token for token in ent if not token.is_space]
    if not words:
        return "are white space and are not learned"
    if ent[0].is_space or ent[-1].is_space:
        return "begin or end with white space and are learned without it"
    if any(token.is_sent_start for token in ent[1:]):
        return "go over the end of a sentence"
    if not example.get_aligned_spans_y2x([ent]):
        return "do not begin and end with tokens of the pipeline and are not learned"
    return ""
