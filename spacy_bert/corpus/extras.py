"""Packages that only some corpora need."""

from importlib import import_module
from typing import Any


def import_extra(module: str, *, extra: str) -> Any:
    """Raises ValueError with what to install if the module is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(
            f"This corpus needs the package {module.split('.')[0]}, which is not "
            f"installed. Install it with: pip install 'spacy-bert[{extra}]'"
        ) from error
