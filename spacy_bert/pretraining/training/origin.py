"""Where a run comes from: when, by which command, with what, on which text."""

import platform
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

import torch

from ...corpus.index.files import CorpusIndex


def describe_origin(index: CorpusIndex, command: str) -> dict[str, Any]:
    """As a row of the log has it; see `OriginRecord`."""
    train, held_out = index.train, index.held_out
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command,
        "versions": {
            "spacy-bert": version("spacy-bert"),
            "torch": torch.__version__,
            "Python": platform.python_version(),
        },
        "corpus": {
            "documents": train.n_documents,
            "sentences": train.n_sentences,
            "pieces": train.n_pieces,
            "held-out documents": held_out.n_documents,
            "held-out pieces": held_out.n_pieces,
        },
        "unknown_ratio": float(index.unknown_ratio),
    }
