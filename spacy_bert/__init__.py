"""BERT inside spaCy, from raw text to a pip-installable pipeline."""

from typing import TYPE_CHECKING

from .lazy import import_on_use

__all__ = [
    "PretrainingConfig",
    "add_encoder",
    "make_pair_doc",
    "pretrain",
    "set_similarity_hooks",
]

if TYPE_CHECKING:
    from .interop.pretraining import pretrain
    from .pipeline.from_checkpoint import add_encoder
    from .pipeline.segments import make_pair_doc
    from .pipeline.similarity import set_similarity_hooks
    from .pretraining import PretrainingConfig
    from .version import __version__ as __version__
else:
    # So that `import spacy_bert` stays cheap.
    __getattr__ = import_on_use(
        __name__,
        {
            "PretrainingConfig": "pretraining",
            "__version__": "version",
            "add_encoder": "pipeline.from_checkpoint",
            "make_pair_doc": "pipeline.segments",
            "pretrain": "interop.pretraining",
            "set_similarity_hooks": "pipeline.similarity",
        },
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
