"""Pipelines by folder or package name, as commands take them."""

from pathlib import Path


def find_folder(pipeline: str) -> Path:
    from spacy.util import get_package_path, is_package

    return get_package_path(pipeline) if is_package(pipeline) else Path(pipeline)


def megabytes(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
