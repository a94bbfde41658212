"""More labels for a head that is trained."""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language
from spacy.pipeline import TextCategorizer

from .ner.component import BertNer
from .text.model import is_cls_classifier


def extend(nlp: Language, name: str, labels: Iterable[str]) -> list[str]:
    """Give the head `name` those of the labels that it lacks, and return them. What the
    pipeline predicts stays the same until it is trained.

    Raises ValueError for a head that would predict otherwise, and if there is nothing
    to add.
    """
    able = [one for one, component in nlp.pipeline if _keeps_predictions(component)]
    if name not in able:
        raise ValueError(
            "component: expected one whose predictions stay when it grows, a bert_ner "
            "or a text classifier with spacy-bert.TextCatCls.v1, here one of "
            f"{', '.join(able) or 'none'}; got {name!r}."
        )
    head: Any = nlp.get_pipe(name)
    labels = list(labels)
    added = [label for label in labels if head.add_label(label)]
    if not added:
        raise ValueError(
            f"labels: expected new ones for {name}, which has "
            f"{', '.join(head.labels)}; got {', '.join(labels) or 'none'}."
        )
    return added


def _keeps_predictions(component: Any) -> bool:
    if isinstance(component, TextCategorizer):
        return is_cls_classifier(component.model)
    return isinstance(component, BertNer)
