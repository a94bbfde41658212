"""What lets a forked process, such as a worker of `nlp.pipe(n_process=2)` or of a web
server, run torch and tokenizers."""

import os
from functools import cache

import torch

# Silences a warning of `tokenizers`, which works without threads in a forked child.
_VARIABLE = "TOKENIZERS_PARALLELISM"
_was_set: list[bool] = []


def _before() -> None:
    _was_set.append(_VARIABLE in os.environ)
    os.environ.setdefault(_VARIABLE, "false")


def _after_in_parent() -> None:
    if not _was_set.pop():
        os.environ.pop(_VARIABLE, None)


def _after_in_child() -> None:
    # A child has none of its parent's threads, and torch waits for them for ever
    # unless it is told to run with one.
    torch.set_num_threads(1)


@cache
def survive_forks() -> None:
    """Prepare all forks from now on. Calls after the first do nothing."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before,
            after_in_parent=_after_in_parent,
            after_in_child=_after_in_child,
        )
