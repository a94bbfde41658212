"""The commands: `python -m spacy bert ...` and, the same, `spacy-bert ...`."""

from .app import bert_cli, main

__all__ = ["bert_cli", "main"]
