"""Change the package in many small ways and see whether a test fails each time.

    python tests/mutations.py [--seed 0] [--n 50] [--only N ...]

A seed draws the changes, as many of each part of the package. Each is made in a copy of
the project, in which the tests that run the changed statement then run, the fastest
first. Prints a table and exits with 1 if a change passes all of them. The first step,
all tests once to see what each runs, takes the longest: `--reach FILE` keeps its result
for the next call on the same code, and `--tests` does with fewer of them.
"""

import argparse
import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from mutation_places import Mutation, draw, find_mutations, find_optional
from mutation_reach import PROBE, Probes

ROOT = Path(__file__).parents[1]
PARTS = ("model", "pipeline", "tasks", "pretraining", "corpus")
SECONDS_PER_TEST = 120.0


class Equivalent(NamedTuple):
    """A mutation that changes nothing that a user of the package could see."""

    module: str
    line: str
    mutated: str
    reason: str


EQUIVALENT: list[Equivalent] = [
    Equivalent(
        module="spacy_bert/pipeline/optimizer.py",
        line="parameter.copy_(xp2torch(updated, device=parameter.device))",
        mutated="parameter.copy_(xp2torch(updated))",
        reason="copy_ copies from any device",
    ),
    Equivalent(
        module="spacy_bert/tasks/ner/component.py",
        line='doc.set_ents(spans, default="outside")',
        mutated="doc.set_ents(spans)",
        reason='"outside" is spaCy\'s default',
    ),
    Equivalent(
        module="spacy_bert/model/quantized.py",
        line="scale = matrix.abs().amax(dim=1).clamp(min=1e-12) / q_max",
        mutated="scale = matrix.abs().amax(dim=1).clamp(min=2e-12) / q_max",
        reason="any scale does for a row of zeros, and no other row is that small",
    ),
    Equivalent(
        module="spacy_bert/model/quantized.py",
        line="return torch.addcmul(self.bias, product, x_scale, out=product)",
        mutated="return torch.addcmul(self.bias, product, x_scale)",
        reason="without `out` the same sum takes memory of its own",
    ),
    Equivalent(
        module="spacy_bert/tasks/qa/cmrc_metrics.py",
        line="if not ours or not theirs:",
        mutated="if (not ours and (not theirs)):",
        reason="if only one is empty, the longest run is of 0, and so is F1",
    ),
    Equivalent(
        module="spacy_bert/model/dropout.py",
        line="is_kept = bits >= n_dropped - _N_VALUES // 2",
        mutated="is_kept = bits >= n_dropped + _N_VALUES // 2",
        reason="torch wraps the number to 16 bits: 65,536 more is the same",
    ),
]


class Outcome(NamedTuple):
    """status: killed, equivalent or survived. by: the first test that failed."""

    status: str
    by: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--only", type=int, nargs="+", help="numbers in the table")
    parser.add_argument("--tests", nargs="+", default=[], help="files or folders")
    parser.add_argument("--reach", type=Path, help="a file that keeps the first step")
    parser.add_argument("--list", action="store_true", help="run nothing")
    args = parser.parse_args()
    found = find_all(ROOT, "spacy_bert", PARTS)
    drawn = draw(found, n=args.n, seed=args.seed)
    chosen = [(i, m) for i, m in enumerate(drawn) if not args.only or i in args.only]
    if args.list:
        for number, mutation in chosen:
            print(format_row(number, mutation, Outcome("drawn")))
        return
    stale = find_stale(EQUIVALENT, [m for part in found for m in part])
    counts = {"killed": 0, "equivalent": 0, "survived": 0}
    start = time.monotonic()
    with copy_project(ROOT) as copied:
        reach = read_reach(copied, "spacy_bert", args.tests, args.reach)
        for number, mutation in chosen:
            outcome = Outcome("equivalent")
            if identity(mutation) not in {entry[:3] for entry in EQUIVALENT}:
                outcome = try_mutation(copied, "spacy_bert", mutation, reach)
            counts[outcome.status] += 1
            print(format_row(number, mutation, outcome), flush=True)
    for entry in stale:
        print(f"stale: {entry.module}: {entry.line}")
    seconds = time.monotonic() - start
    print(", ".join(f"{n} {status}" for status, n in counts.items()), end=", ")
    print(f"{len(stale)} stale, {seconds:.0f} s")
    sys.exit(1 if counts["survived"] or stale else 0)


def find_all(root: Path, package: str, parts: Iterable[str]) -> list[list[Mutation]]:
    """One list for each part of the package."""
    trees = [ast.parse(path.read_bytes()) for path in (root / package).rglob("*.py")]
    optional = find_optional(trees)
    return [
        [
            mutation
            for path in sorted((root / package / part).rglob("*.py"))
            for mutation in find_mutations(
                path.relative_to(root).as_posix(), path.read_bytes(), optional
            )
        ]
        for part in parts
    ]


def identity(mutation: Mutation) -> tuple[str, str, str]:
    return mutation.module, mutation.line, mutation.mutated


def find_stale(
    listed: Iterable[Equivalent], found: Iterable[Mutation]
) -> list[Equivalent]:
    known = {identity(mutation) for mutation in found}
    return [entry for entry in listed if entry[:3] not in known]


@contextmanager
def copy_project(root: Path) -> Iterator[Path]:
    """What git does not ignore, and next to it the public data if there is some."""
    command = ["git", "-C", root, "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with TemporaryDirectory() as folder:
        copied = Path(folder, "project")
        for name in names.splitlines():
            if (root / name).is_file():
                (copied / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / name, copied / name)
        shared = root.parent / "shared"
        if shared.is_dir():
            Path(folder, "shared").symlink_to(shared)
        yield copied


class Reach(NamedTuple):
    """tests: of each module and line, those that run it. seconds: of each test."""

    tests: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    def find_tests(self, mutation: Mutation) -> list[str]:
        """The fastest first. What an import runs, all tests of the module run."""
        lines = self.tests.get(mutation.module, {})
        names = set(lines.get(str(mutation.statement), ()))
        if not mutation.statement:
            names = {name for some in lines.values() for name in some}
        return sorted(names, key=lambda name: (self.seconds[name], name))


def read_reach(
    copied: Path, package: str, tests: list[str], file: Path | None
) -> Reach:
    if file is not None and file.exists():
        return Reach(**json.loads(file.read_text()))
    reach = measure_reach(copied, package, tests)
    if file is not None:
        file.write_text(json.dumps(reach._asdict()))
    return reach


def measure_reach(copied: Path, package: str, tests: list[str]) -> Reach:
    """Run the tests once, with probes in the package. Those that fail are left out."""
    sources = {path: path.read_bytes() for path in (copied / package).rglob("*.py")}
    places: list[tuple[str, int]] = []
    for path, source in sources.items():
        module = path.relative_to(copied).as_posix()
        path.write_text(Probes(module, places).insert(source.decode(), package))
    probe = copied / package / "_probe.py"
    probe.write_text(PROBE)
    hits = copied.parent / "hits"
    hits.touch()
    report = run_tests(copied, package, [*tests], {"MUTATION_HITS": str(hits)})
    for path, source in sources.items():
        path.write_bytes(source)
    probe.unlink()

    failed = {name for kind, _, name in report.lines if kind == "failed"}
    for name in sorted(failed):
        print(f"fails without a mutation, or with probes: {name}")
    seconds: dict[str, float] = {}
    for kind, value, name in report.lines:
        if kind == "took" and name not in failed:
            seconds[name] = seconds.get(name, 0.0) + float(value)
    found: dict[str, dict[str, set[str]]] = {}
    for line in hits.read_text().splitlines():
        number, _, label = line.partition("\t")
        module, lineno = places[int(number)]
        names = {label} if "::" in label else _of_file(label, seconds)
        lines = found.setdefault(module, {})
        lines.setdefault(str(lineno), set()).update(names & seconds.keys())
    tests_of = {
        module: {line: sorted(names) for line, names in lines.items()}
        for module, lines in found.items()
    }
    return Reach(tests_of, seconds)


def _of_file(label: str, seconds: dict[str, float]) -> set[str]:
    return {name for name in seconds if label and name.startswith(label + "::")}


def try_mutation(
    copied: Path, package: str, mutation: Mutation, reach: Reach
) -> Outcome:
    tests = reach.find_tests(mutation)
    if not tests:
        return Outcome("survived", "no test runs it")
    path = copied / mutation.module
    source = path.read_bytes()
    chosen = copied.parent / "chosen"
    chosen.write_text("\n".join(tests))
    files = sorted({name.partition("::")[0] for name in tests})
    settings = {
        "MUTATION_CHOSEN": str(chosen),
        "MUTATION_LIMIT": str(SECONDS_PER_TEST),
    }
    path.write_bytes(mutation.apply(source))
    report = run_tests(copied, package, ["-x", *files], settings)
    path.write_bytes(source)
    if report.status == 0:
        return Outcome("survived", f"{len(tests)} tests pass")
    if report.status == pytest.ExitCode.NO_TESTS_COLLECTED:
        return Outcome("survived", "no test ran")
    failed = [name for kind, _, name in report.lines if kind == "failed"]
    started = [name for kind, _, name in report.lines if kind == "started"]
    return Outcome("killed", (failed[:1] or started[-1:] or ["an import"])[0])


class Report(NamedTuple):
    """status: pytest's. lines: what the plugin wrote: kind, value, test."""

    status: int
    lines: list[list[str]]


def run_tests(
    copied: Path, package: str, args: list[str], settings: dict[str, str]
) -> Report:
    """Tests of the copy, which import the copy, in processes that do not outlive it."""
    report = copied.parent / "report"
    report.write_text("")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(copied), str(copied / "tests")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MUTATION_PACKAGE": package,
        "MUTATION_REPORT": str(report),
        **settings,
    }
    plugins = ["-p", "mutation_reach", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *args]
    with subprocess.Popen(
        command,
        cwd=copied,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            status = process.wait()
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    lines = [line.split("\t", 2) for line in report.read_text().splitlines()]
    return Report(status, [line for line in lines if len(line) == 3])


def format_row(number: int, mutation: Mutation, outcome: Outcome) -> str:
    head = f"{number:3} {outcome.status:10} {mutation.operator:15} {mutation.module}"
    return (
        f"{head}\n      - {mutation.line}\n      + {mutation.mutated}\n"
        f"      {outcome.by}"
    )


if __name__ == "__main__":
    main()
