"""Text -> the same text with every mention of the packages' names made neutral."""

from __future__ import annotations

import re

from .marked import MarkedText

MASK = "library"

#: `numpy.ndarray`, `np.ndarray`: the part before the dot goes.
PREFIX = re.compile(
    r"(?<![\w.])(?:numpy|np|torch|sympy|networkx|nx|transformers|python|mx)\."
    r"(?=[A-Za-z_])"
)
#: Also inside of names: NetworkXError, from_numpy, PyTorch's, is_torch_available.
NAMES = re.compile(
    r"hugging[ _-]?face|pytorch|network ?x|cpython|python|numpy|torch|sympy"
    r"|transformers|symp(?=if[iy])",
    re.IGNORECASE,
)
ALIASES = re.compile(r"(?<![\w.])(?:np|nx(?! ?,)|hf|HF)(?!\w)")
REPEATED = re.compile(rf"\b{MASK}(?:(?:'s)?[ /]{MASK})+\b")


def mask_names(content: MarkedText) -> MarkedText:
    """Replace the names by one word; marks keep their place."""
    content = content.edit(PREFIX, lambda match: "")
    content = content.edit(NAMES, lambda match: _neutral(content, match))
    content = content.edit(ALIASES, lambda match: MASK)
    return content.edit(REPEATED, lambda match: MASK)


def _neutral(content: MarkedText, match: re.Match[str]) -> str:
    # NetworkXError stays a name in capitals: LibraryError.
    following = content.text[match.end() : match.end() + 1]
    preceding = content.text[match.start() - 1 : match.start()]
    inside = following.isupper() or (preceding.isalpha() and preceding.islower())
    return MASK.capitalize() if inside else MASK
