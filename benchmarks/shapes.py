"""The shape of a model that is pretrained here."""

import re
from typing import Any

# The longest sequence.
LENGTH = 128
# google-research/bert's smaller models have heads of this width, and the paper's all.
_HEAD_WIDTH = 64


def sizes(shape: str, *, dropout: float) -> dict[str, Any]:
    """ "L4 H256" -> fields of BertConfig"""
    found = re.fullmatch(r"L(\d+) H(\d+)", shape)
    if not found:
        raise ValueError(f"Expected a shape such as 'L4 H256', got {shape!r}.")
    n_layers, width = map(int, found.groups())
    return {
        "n_layers": n_layers,
        "hidden_width": width,
        "n_heads": width // _HEAD_WIDTH,
        "intermediate_width": 4 * width,
        "max_positions": LENGTH,
        "hidden_dropout_prob": dropout,
        "attention_dropout_prob": dropout,
    }
