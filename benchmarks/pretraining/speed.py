"""Pieces a second of training, and the share of the machine's rate of products."""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from .store import Result, Store, run_alone
from .wiki import published_text

_N_WARMUP = 3
# The paper's, with which `transformers` too trains by default, and none, as for small
# models and little time.
DROPOUTS = (0.1, 0.0)


def measure_speed(
    store: Store,
    data: Path,
    work: Path,
    *,
    shapes: list[str],
    batch_size: int,
    n_steps: int,
    n_rounds: int,
) -> None:
    settings = {"batch_size": batch_size, "n_steps": n_steps, "n_rounds": n_rounds}
    for shape in shapes:
        for dropout in DROPOUTS:
            what: dict[str, Any] = {"shape": shape, "dropout": dropout, **settings}
            measure = partial(_interleaved, data, work, **what)
            row = f"{shape}, dropout {dropout:g}"
            store.once("speed", row, "both", settings, measure)


def _interleaved(data: Path, work: Path, *, n_rounds: int, **arguments: Any) -> Result:
    """Medians of rounds in which each system has a process of its own."""
    arguments = {**arguments, "text": published_text(data, work), "n_warmup": _N_WARMUP}
    systems = {"ours": _ours, "peer": _peer}
    rounds: dict[str, list[Result]] = {name: [] for name in systems}
    for _ in range(n_rounds):
        for name, run in systems.items():
            rounds[name].append(run_alone(run, **arguments))
    limit = median(one["limit"] for one in rounds["ours"])
    return {
        "limit, FLOP/s": limit,
        "threads": rounds["ours"][0]["threads"],
        **{name: _summary(some, limit) for name, some in rounds.items()},
    }


def _summary(rounds: list[Result], limit: float) -> Result:
    each, first = [one["seconds"] for one in rounds], rounds[0]
    seconds = median(each)
    return {
        "pieces/s": first["pieces"] / seconds,
        "share of limit": first["flops"] / seconds / limit,
        "seconds": each,
        "pieces": first["pieces"],
        "with padding": first["with padding"],
    }


def _ours(**arguments: Any) -> Result:
    from .steps import time_steps

    return time_steps(**arguments)


def _peer(**arguments: Any) -> Result:
    from .peer_steps import time_steps

    return time_steps(**arguments)
