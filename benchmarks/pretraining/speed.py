"""Pieces a second of training, and the share of the machine's rate of products."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from ..measuring import run_alone
from ..store import Result, Row, Store
from .recipes import GROUPED, OURS, SAME_BATCHES
from .steps import time_steps
from .wiki import published_text

_N_WARMUP = 3


def measure_speed(
    store: Store,
    data: Path,
    work: Path,
    *,
    shapes: list[str],
    dropouts: list[float],
    batch_size: int,
    n_steps: int,
    n_rounds: int,
) -> None:
    settings = {"batch_size": batch_size, "n_steps": n_steps, "n_rounds": n_rounds}
    for shape in shapes:
        for dropout in dropouts:
            what: dict[str, Any] = {"shape": shape, "dropout": dropout, **settings}
            measure = partial(_in_turns, data, work, **what)
            row = f"{shape}, dropout {dropout:g}"
            store.row_once("speed", row, settings, measure)


def _in_turns(data: Path, work: Path, *, n_rounds: int, **arguments: Any) -> Row:
    """Medians of rounds in which each system has a process of its own."""
    arguments = {**arguments, "text": published_text(data, work), "n_warmup": _N_WARMUP}
    systems: dict[str, Callable[..., Result]] = {
        OURS: time_steps,
        SAME_BATCHES: partial(_peer, is_grouped=False),
        GROUPED: partial(_peer, is_grouped=True),
    }
    rounds: dict[str, list[Result]] = {name: [] for name in systems}
    for _ in range(n_rounds):
        for name, run in systems.items():
            rounds[name].append(run_alone(run, **arguments))
    return {name: _medians(some) for name, some in rounds.items()}


def _medians(rounds: list[Result]) -> Result:
    names = rounds[0]
    seconds = {"seconds of each": [one["seconds"] for one in rounds]}
    return {name: median(one[name] for one in rounds) for name in names} | seconds


def _peer(**arguments: Any) -> Result:
    from . import peer_steps

    return peer_steps.time_steps(**arguments)
