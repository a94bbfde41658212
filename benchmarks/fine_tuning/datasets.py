"""The name of a data set -> train.spacy, dev.spacy and test.spacy."""

from collections.abc import Callable
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from . import chinese, english
from .splits import Splits

_ENGLISH = "wnut17 bc5cdr sst2 banking77 clinc150 clinc151 ud_ewt gum sick_entailment "
_ENGLISH += "sick_relatedness squad squad2"
_CHINESE = "chnsenticorp ocnli uner_zh cmrc2018 cmrc2018_part"

DATASETS: dict[str, tuple[str, Callable[[Path, Language], Splits]]] = {
    **{name: ("en", getattr(english, name)) for name in _ENGLISH.split()},
    **{name: ("zh", getattr(chinese, name)) for name in _CHINESE.split()},
}


def language(name: str) -> str:
    return DATASETS[name][0]


def prepare(name: str, data: Path, folder: Path) -> None:
    """Write the three files, if they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "test.spacy").exists():
        return
    lang, make = DATASETS[name]
    for split, docs in make(data, spacy.blank(lang)).items():
        DocBin(docs=docs).to_disk(folder / f"{split}.spacy")
