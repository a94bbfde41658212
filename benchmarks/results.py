"""The committed results -> RESULTS.md next to this file.

python -m benchmarks.results
"""

from pathlib import Path

from . import default_run
from .encoder import table as encoder
from .pretraining import table as pretraining
from .store import read_parts
from .tables import write_sections
from .tasks import table as tasks

RESULTS = Path(__file__).with_name("RESULTS.md")
_TABLES = {
    "default_run.json": default_run.sections,
    "tasks/results.json": tasks.sections,
    "encoder/results.json": encoder.sections,
    "pretraining/results.json": pretraining.sections,
}


def main() -> None:
    RESULTS.write_text(write_results(RESULTS.parent), encoding="utf8")


def write_results(folder: Path) -> str:
    """The text of RESULTS.md from the JSON files under `folder`."""
    sections = [
        section
        for file, read_sections in _TABLES.items()
        for section in read_sections(read_parts(folder / file))
    ]
    lists = ", ".join(f"[{file}]({file})" for file in _TABLES)
    return (
        "# Results\n\n`python -m benchmarks.results` writes this file from "
        f"{lists}. Ratios are of the first number to the second.\n\n"
        f"{write_sections(sections)}\n"
    )


if __name__ == "__main__":
    main()
