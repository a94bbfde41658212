"""The default run of project.yml, for several seeds -> default_run.json.

    python -m benchmarks.default_run FOLDER [--seeds 0,1,2] [--shared]

The file lies next to this one. Each seed has a copy of the project, FOLDER/seed-N; the
data are built once. A seed whose scores are there is not run again, and spaCy skips
what is done already for the others. `--shared` says that other work shared the machine:
no times are stored. Results replace those of earlier calls.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

import srsly

from .arguments import names
from .run_log import best_row
from .store import Parts, Row, Store
from .tables import Section, seeds_table, write_sections

RESULTS = Path(__file__).with_suffix(".json")
_PROJECT = Path(__file__).parents[1]
_FILES = ("project.yml", "constraints.txt", "configs", "scripts")
_COMMANDS = ("vocab", "pretrain", "train", "evaluate")
_SETTINGS = ("pretrain_steps", "train_steps")
TEST, HELD_OUT, _TIME = "test Docs", "held-out text", "vocab to evaluate"
_SYSTEMS = {"pretrained": "pretrained", "random weights": "random"}
# As they are called in metrics/*.json.
SCORES = {
    "textcat macro F": "cats_macro_f",
    "ner F": "ents_f",
    "spancat F": "spans_sc_f",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=names, default=["0", "1", "2"])
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--only-finished", action="store_true", help="run nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    store = Store(args.results, again=True)
    for seed in args.seeds:
        folder, minutes = args.folder / f"seed-{seed}", None
        if not is_finished(folder):
            if args.only_finished:
                continue
            minutes = run_project(args.folder / "data", folder, seed)
        variables = srsly.read_yaml(folder / "project.yml")["vars"]
        settings = {name: variables[name] for name in _SETTINGS}
        for part, row in read_results(folder, minutes, is_shared=args.shared).items():
            for system, result in row.items():
                store.once(part, system, seed, settings, partial(dict, result))
    print(write_sections(sections(store.parts)))


def is_finished(folder: Path) -> bool:
    """Whether the files are there that the last command writes."""
    return all((folder / "metrics" / f"{n}.json").exists() for n in _SYSTEMS.values())


def run_project(data: Path, folder: Path, seed: str) -> float | None:
    """The minutes that it took, without those of the data; None if a part of it was
    done already."""
    is_new = not (folder / "training").exists()
    if not (folder / "assets").exists():
        _copy_project(data)
        _run("demo-data", data, "0")
        _copy_project(folder)
        shutil.copytree(data / "assets", folder / "assets")
    start = perf_counter()
    for command in _COMMANDS:
        _run(command, folder, seed)
    return (perf_counter() - start) / 60 if is_new else None


def _copy_project(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        source = _PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / name)


def _run(command: str, folder: Path, seed: str) -> None:
    spacy = [sys.executable, "-m", "spacy", "project", "run", command, str(folder)]
    subprocess.run([*spacy, "--vars.seed", seed], check=True)


def read_results(
    folder: Path, minutes: float | None, *, is_shared: bool
) -> dict[str, Row]:
    """Part -> system -> a result, of one seed."""
    metrics = {
        name: srsly.read_json(folder / "metrics" / f"{file}.json")
        for name, file in _SYSTEMS.items()
    }
    best = best_row(folder / "training" / "bert" / "log.jsonl")
    results: dict[str, Row] = {
        TEST: {
            name: {score: 100 * found[key] for score, key in SCORES.items()}
            for name, found in metrics.items()
        },
        HELD_OUT: {
            "pretrained": {
                "MLM loss": best["held_out_mlm_loss"],
                "NSP accuracy": 100 * best["held_out_nsp_accuracy"],
            },
            "guessing by frequency": {"MLM loss": best["held_out_unigram_loss"]},
        },
    }
    if minutes is not None and not is_shared:
        results[_TIME] = {"four commands": {"minutes": minutes}}
    if is_shared:
        for row in results.values():
            for result in row.values():
                result["note"] = "other work shared the machine"
    return results


def sections(parts: Parts) -> Iterator[Section]:
    scores = {
        TEST: dict.fromkeys(SCORES, 1),
        HELD_OUT: {"MLM loss": 2, "NSP accuracy": 1},
        _TIME: {"minutes": 1},
    }
    yield Section(
        title="The default run",
        text=(
            "The project of `project.yml`, one run for each seed of pretraining and "
            "training, by `python -m benchmarks.default_run FOLDER`: the same pipeline "
            "from the encoder that was just pretrained, and from random weights. The "
            "mean of the seeds and half of their range. MLM losses are in nats, the "
            "other scores in percent. Differences are from random weights and from "
            "guessing by frequency."
        ),
        parts=parts,
        table=seeds_table(
            parts, scores, peers=("random weights", "guessing by frequency")
        ),
    )


if __name__ == "__main__":
    main()
