"""What a `tokenizer.json` puts around one text and around two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PairFormat:
    """n_separators: [SEP] between two texts. segment: the id of the second one's
    segment. BERT has [CLS] A [SEP] B [SEP] and 1, RoBERTa's models two [SEP] and 0."""

    n_separators: int = 1
    segment: int = 1


def read_templates(description: Mapping[str, Any]) -> tuple[str, str, PairFormat]:
    """The names of [CLS] and [SEP], and how pairs are written.

    Raises ValueError if a text has something else around it.
    """
    for processor in _list_processors(description.get("post_processor")):
        kind = processor["type"]
        if kind in ("BertProcessing", "RobertaProcessing"):
            is_bert = kind == "BertProcessing"
            pairs = PairFormat() if is_bert else PairFormat(n_separators=2, segment=0)
            return processor["cls"][0], processor["sep"][0], pairs
        if kind == "TemplateProcessing":
            return _read(processor)
    raise ValueError(
        "tokenizer.json: expected a post_processor that puts a piece before a text and "
        "one behind it, as BERT's [CLS] and [SEP], found none."
    )


def _list_processors(processor: Mapping[str, Any] | None) -> Sequence[Any]:
    if processor is None:
        return ()
    if processor["type"] == "Sequence":
        processors: Sequence[Any] = processor["processors"]
        return processors
    return (processor,)


def _read(processor: Mapping[str, Any]) -> tuple[str, str, PairFormat]:
    single, pair = _list_parts(processor["single"]), _list_parts(processor["pair"])
    one, two = [name for name, _ in single], [name for name, _ in pair]
    cls, sep = one[0], one[-1]
    n_separators = two.count(sep) - 1
    if (
        one != [cls, "A", sep]
        or two != [cls, "A", *[sep] * n_separators, "B", sep]
        or n_separators not in (1, 2)
    ):
        raise ValueError(
            "tokenizer.json: expected a post_processor that makes [CLS] A [SEP] of a "
            "text and [CLS] A [SEP] B [SEP] of two (or [CLS] A [SEP] [SEP] B [SEP]), "
            f"whatever these pieces are called, got {one} and {two}."
        )
    return cls, sep, PairFormat(n_separators=n_separators, segment=dict(pair)["B"])


def _list_parts(template: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    return [
        (part["id"], part["type_id"]) for item in template for part in item.values()
    ]
