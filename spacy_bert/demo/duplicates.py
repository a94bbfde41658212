"""Sentences -> keys that are equal where sentences say the same of another thing."""

from __future__ import annotations

import re

NAME_LIKE = re.compile(r"\b\w*(?:[a-z][A-Z]|[A-Z]{2}|\d)\w*\b|\b[a-z]+_\w+\b")
NOT_LETTERS = re.compile(r"[^a-z#]+")


def key_of(text: str) -> str:
    """The text without case, punctuation and names of the code."""
    return NOT_LETTERS.sub(" ", NAME_LIKE.sub("#", text).lower()).strip()
