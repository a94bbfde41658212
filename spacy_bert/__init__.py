"""BERT inside spaCy, from raw text to a pip-installable pipeline."""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "PretrainingConfig",
    "add_encoder",
    "make_pair_doc",
    "pretrain",
    "set_similarity_hooks",
]

if TYPE_CHECKING:
    from .pipeline.from_checkpoint import add_encoder
    from .pipeline.segments import make_pair_doc
    from .pipeline.similarity import set_similarity_hooks
    from .pretraining import PretrainingConfig, pretrain
else:
    # Type checkers do not see this function: they would take any name for a public one.

    _MODULES = {
        "PretrainingConfig": "pretraining",
        "add_encoder": "pipeline.from_checkpoint",
        "make_pair_doc": "pipeline.segments",
        "pretrain": "pretraining",
        "set_similarity_hooks": "pipeline.similarity",
    }

    def __getattr__(name):
        """Import on first use, so that `import spacy_bert` stays cheap."""
        if name in _MODULES:
            return getattr(import_module(f".{_MODULES[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
