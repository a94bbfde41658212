"""Held-out MLM loss after so many minutes: ours and the peer's."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..measuring import run_alone
from ..store import Result, Store
from .judge import judge
from .ours import train_ours
from .recipes import OURS, PEER_RATES, RUN_MLM, Recipe
from .wiki import learned_text


def row_name(shape: str, minutes: float) -> str:
    return f"{shape}, {minutes:g} minutes"


def measure_losses(
    store: Store,
    data: Path,
    work: Path,
    *,
    shape: str,
    minutes: float,
    recipe: Recipe,
    peer: Recipe,
) -> None:
    row = row_name(shape, minutes)
    for name, train, settings in (
        (OURS, train_ours, recipe),
        (RUN_MLM, _train_peer, peer),
    ):
        output = work / "trained" / row / name
        what: dict[str, Any] = {"shape": shape, "minutes": minutes, "recipe": settings}
        measure = partial(train_and_judge, train, data, work, output, **what)
        store.once("losses", row, name, settings, measure)


def tune_peer(
    store: Store, data: Path, work: Path, *, shape: str, minutes: float, peer: Recipe
) -> None:
    """Its learning rate, by short runs with the batch size that is asked for."""
    row, output = row_name(shape, minutes), work / "trained" / "tuned"
    for rate in PEER_RATES:
        settings = {**peer, "learn_rate": rate}
        what: dict[str, Any] = {"shape": shape, "minutes": minutes, "recipe": settings}
        measure = partial(train_and_judge, _train_peer, data, work, output, **what)
        system = f"rate {rate:g}, batch {peer['batch_size']}"
        store.once("tuning", row, system, settings, measure)


def best_tuned(store: Store, shape: str) -> Recipe:
    """The settings with the lowest loss on the peer's own form of text in the longest
    tuning of this shape; none if there was no tuning."""
    rows = [
        (max(run["seconds"] for run in runs.values()), runs)
        for name, runs in store.parts.get("tuning", {}).items()
        if name.startswith(f"{shape},")
    ]
    if not rows:
        return {}
    _, runs = max(rows, key=lambda row: row[0])
    best = min(runs.values(), key=lambda run: run["blocks"])
    settings: Recipe = best["settings"]
    return settings


def train_and_judge(
    train: Callable[..., Result],
    data: Path,
    work: Path,
    output: Path,
    **settings: Any,
) -> Result:
    """Return what was done, and the losses; in two processes."""
    text = learned_text(data, work)
    trained = run_alone(train, text=text, output=output, **settings)
    checkpoint = Path(trained["checkpoint"])
    losses = run_alone(judge, text=text, checkpoint=checkpoint)
    # Results do not say in which folder WORK lies.
    trained["checkpoint"] = str(checkpoint.relative_to(work))
    return {**trained, "million pieces": trained["pieces"] / 1e6, **losses}


def _train_peer(**arguments: Any) -> Result:
    # Imports transformers, which races of our own do not need.
    from .peer_training import train_peer

    return train_peer(**arguments)
