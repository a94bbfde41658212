"""A module's name -> the side it stands on; the same on every machine."""

from __future__ import annotations

import hashlib

SIDES = ("train", "dev", "test")
#: Of 100 groups of modules, how many go to dev and to test.
N_DEV = N_TEST = 10


def side_of(module: str) -> str:
    """The side of a module, shared by all modules that copy from each other."""
    number = stable_hash(_group(module)) % 100
    if number < N_TEST:
        return "test"
    return "dev" if number < N_TEST + N_DEV else "train"


def stable_hash(text: str) -> int:
    """A number that depends on the text alone, not on the process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _group(module: str) -> str:
    # The files of one model repeat each other's docstrings.
    parts = module.split(".")
    if parts[:2] == ["transformers", "models"] and len(parts) > 2:
        if parts[2] == "deprecated":
            parts.pop(2)
        return ".".join(parts[:3])
    return module
