"""What each of two ranks does in tests of pretraining."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from errno import ENOSPC
from itertools import count
from pathlib import Path

import safetensors.torch

from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.distributed.parallel import distribute
from spacy_bert.pretraining.training import loop, optimizer
from spacy_bert.pretraining.training.step_size import measure_step
from spacy_bert.processes.ranks import Ranks


def train(ranks: Ranks, settings: dict, output: Path, options: dict, trouble=None):
    """A run, in which `trouble` (rank, calls, what) happens: "nan" at that rank's n-th
    NSP loss, "sigterm" or "sigkill" in its n-th step, or "full disk" when it writes
    optimizer state."""
    said: list[str] = []
    config = PretrainingConfig.from_dict(settings)
    # Rank 0 has a clock of its own; no one else looks at theirs.
    if not ranks.is_first:
        options = {**options, "clock": _no_clock}
    with ExitStack() as stack:
        if trouble and trouble[0] == ranks.rank:
            stack.enter_context(make_trouble(*trouble[1:]))
        state = pretrain(config, output, write=said.append, ranks=ranks, **options)
    return state, said


def find_gradient(ranks: Ranks, model, batches: list, n_each: list[int]):
    """The gradient of a step in which each rank has so many of the batches, and its
    loss."""
    start = sum(n_each[: ranks.rank])
    mine = batches[start : start + n_each[ranks.rank]]
    result = optimizer.train_step(
        distribute(model, "ddp", ranks),
        [],
        mine,
        size=measure_step(mine, model.config, ranks),
        learn_rate=0.0,
        max_grad_norm=1e9,
        ranks=ranks,
    )
    # As lists, which need no shared memory.
    return [p.grad.tolist() for p in model.parameters()], result


def _no_clock() -> float:
    raise AssertionError("a rank other than 0 looked at its clock")


@contextmanager
def make_trouble(calls: int | tuple[int, ...], what: str) -> Iterator[None]:
    """Inside, see `train`."""
    owner, name = {
        "nan": (optimizer, "nsp_loss"),
        "sigterm": (loop, "train_step"),
        "sigkill": (loop, "train_step"),
        "full disk": (safetensors.torch, "save"),
    }[what]
    real, n_calls = getattr(owner, name), count(1)

    def troubled(*args, **kwargs):
        if next(n_calls) not in (calls if isinstance(calls, tuple) else (calls,)):
            return real(*args, **kwargs)
        if what == "nan":
            return real(*args, **kwargs) * float("nan")
        if what == "full disk":
            raise OSError(ENOSPC, "No space left on device")
        if what == "sigkill":
            os.kill(os.getpid(), signal.SIGKILL)
        # Twice: some systems tell each process, and then torchrun does too.
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **kwargs)

    setattr(owner, name, troubled)
    try:
        yield
    finally:
        setattr(owner, name, real)
