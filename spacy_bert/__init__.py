"""BERT inside spaCy, from raw text to a pip-installable pipeline."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline.from_checkpoint import add_encoder
    from .pipeline.segments import make_pair_doc
    from .pipeline.similarity import set_similarity_hooks

__all__ = ["add_encoder", "make_pair_doc", "set_similarity_hooks"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import spacy_bert` stays cheap."""
    if name == "add_encoder":
        from .pipeline.from_checkpoint import add_encoder

        return add_encoder
    if name == "make_pair_doc":
        from .pipeline.segments import make_pair_doc

        return make_pair_doc
    if name == "set_similarity_hooks":
        from .pipeline.similarity import set_similarity_hooks

        return set_similarity_hooks
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
