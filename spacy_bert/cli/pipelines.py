"""Pipelines by folder or package name, as commands take them."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example


def find_folder(pipeline: str) -> Path:
    from spacy.util import get_package_path, is_package

    return get_package_path(pipeline) if is_package(pipeline) else Path(pipeline)


def load_pipeline(pipeline: str) -> "Language":
    """By folder or package. Raises ValueError for another folder, and OSError if there
    is nothing of that name."""
    import spacy

    check_pipeline(pipeline)
    return spacy.load(pipeline)


def check_pipeline(pipeline: str) -> None:
    """Raises ValueError for a folder that is not that of a pipeline."""
    path = Path(pipeline)
    if not path.is_dir() or (path / "meta.json").is_file():
        return
    expected = f"{path}: expected a pipeline, a folder with meta.json, got"
    if (path / "model-best").is_dir():
        best = path / "model-best"
        raise ValueError(f"{expected} the folder of a training. Give {best}.")
    if (path / "config.json").is_file():
        raise ValueError(
            f"{expected} the checkpoint of a BERT. Give a pipeline trained on it."
        )
    raise ValueError(f"{expected} another folder.")


def megabytes(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def predict_examples(nlp: "Language", path: Path) -> "list[Example]":
    """Annotated Docs, with what the pipeline predicts for their texts.

    path: a .spacy file, or a folder of them. Raises ValueError if there are none.
    """
    from spacy.training import Corpus

    examples = list(Corpus(path)(nlp))
    if not examples:
        raise ValueError(f"{path}: expected annotated Docs, found none.")
    docs = nlp.pipe([example.predicted for example in examples])
    for example, doc in zip(examples, docs, strict=True):
        example.predicted = doc
    return examples
