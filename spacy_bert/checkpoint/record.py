"""How a checkpoint was pretrained, in its config.json under a key of ours, which
`transformers` keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..tokenization import read_settings

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
    return find_record(path) or PretrainingRecord()


def find_record(path: Path) -> PretrainingRecord | None:
    """As `read_record`, or None if the checkpoint has none."""
    file = path / "config.json"
    settings = read_settings(file)
    if KEY not in settings:
        return None
    return check_record(settings[KEY], source=str(file))


def check_record(values: object, *, source: str) -> PretrainingRecord:
    """Raises ValueError if the values are not those of a record."""
    known = {field.name: field for field in fields(PretrainingRecord)}
    # Versions to come may record more.
    given = (
        {k: v for k, v in values.items() if k in known}
        if isinstance(values, Mapping)
        else {}
    )
    is_right = isinstance(values, Mapping) and all(
        type(value) is known[name].type for name, value in given.items()
    )
    record = PretrainingRecord(**(given if is_right else {}))
    if not is_right or record.next_sentence not in _TASKS or record.max_length < 5:
        raise ValueError(
            f"{source}: expected {KEY} to have sentences and lang (text), "
            f"next_sentence (one of {', '.join(_TASKS)}) and max_length (5 or more), "
            f"got {values!r}. "
            "Remove that key to do without it."
        )
    return record
