"""The committed results -> RESULTS.md next to this file, and tables of README.md.

python -m benchmarks.results
"""

from collections.abc import Mapping
from pathlib import Path

from . import default_run
from .eds_nlp import table as eds_nlp
from .encoder import table as encoder
from .forgetting import table as forgetting
from .migration import table as migration
from .pretraining import table as pretraining
from .probabilities import table as probabilities
from .projects import table as projects
from .readme import README, write_readme
from .store import Parts, read_parts
from .tables import write_sections
from .tasks import table as tasks

RESULTS = Path(__file__).with_name("RESULTS.md")
_TABLES = {
    "default_run.json": default_run.sections,
    "tasks/results.json": tasks.sections,
    "encoder/results.json": encoder.sections,
    "eds_nlp/results.json": eds_nlp.sections,
    "pretraining/results.json": pretraining.sections,
    "migration/results.json": migration.sections,
    "projects/results.json": projects.sections,
    "forgetting/results.json": forgetting.sections,
    "probabilities/results.json": probabilities.sections,
}


def main() -> None:
    stores = read_stores(RESULTS.parent)
    RESULTS.write_text(write_results(stores), encoding="utf8")
    readme = write_readme(README.read_text(encoding="utf8"), stores)
    README.write_text(readme, encoding="utf8")


def read_stores(folder: Path) -> dict[str, Parts]:
    return {file: read_parts(folder / file) for file in _TABLES}


def write_results(stores: Mapping[str, Parts]) -> str:
    """The text of RESULTS.md."""
    measured = {file: table for file, table in _TABLES.items() if stores[file]}
    sections = [
        section
        for file, read_sections in measured.items()
        for section in read_sections(stores[file])
    ]
    lists = ", ".join(f"[{file}]({file})" for file in measured)
    return (
        "# Results\n\n`python -m benchmarks.results` writes this file from "
        f"{lists}. Ratios are of the first number to the second.\n\n"
        f"{write_sections(sections)}\n"
    )


if __name__ == "__main__":
    main()
