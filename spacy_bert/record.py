"""How a checkpoint was pretrained, in its config.json under a key of ours, which
`transformers` keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .tokenization import read_settings

KEY = "spacy_bert_pretraining"
_TASKS = ("nsp", "sop", "none")


@dataclass(frozen=True, kw_only=True)
class PretrainingRecord:
    """What has to stay the same to measure a checkpoint, or train it further, as it was
    trained. Defaults hold for checkpoints that do not say.

    sentences, lang: as in [corpus]. next_sentence, max_length: as in [pretraining].
    """

    sentences: str = "sentencizer"
    lang: str = "en"
    next_sentence: str = "nsp"
    max_length: int = 128

    def to_json(self) -> dict[str, Any]:
        return {KEY: asdict(self)}


def read_record(path: Path) -> PretrainingRecord:
    """Read that of the checkpoint in `path`. Raises ValueError if it is damaged."""
    file = path / "config.json"
    values = read_settings(file).get(KEY, {})
    known = {field.name: field for field in fields(PretrainingRecord)}
    is_right = isinstance(values, Mapping) and all(
        type(values[name]) is field.type
        for name, field in known.items()
        if name in values
    )
    # Versions to come may record more.
    given = {k: v for k, v in values.items() if k in known} if is_right else {}
    record = PretrainingRecord(**given)
    if not is_right or record.next_sentence not in _TASKS or record.max_length < 5:
        raise ValueError(
            f"{file}: expected {KEY} to have sentences and lang (text), next_sentence "
            f"(one of {', '.join(_TASKS)}) and max_length (5 or more), got {values!r}. "
            "Remove that key to do without it."
        )
    return record
