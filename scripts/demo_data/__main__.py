"""python scripts/demo_data FOLDER [--force]: build the data of the default run."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from spacy_bert.cli.errors import shown_as_messages


def main(
    output_path: Annotated[Path, typer.Argument(help="Folder to write the data into")],
    force: Annotated[
        bool, typer.Option("--force", "-F", help="Replace an earlier build")
    ] = False,
) -> None:
    """Build the data of the default run from the documentation on this machine.

    A corpus for pretraining, and train, dev and test Docs with categories, entities and
    spans, from the docstrings of the standard library, numpy, torch, sympy, networkx
    and smaller packages that torch and spaCy need. None is imported, and nothing is
    downloaded.
    """
    # Python puts this folder in front of the path; the package lies one above.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from demo_data.build import build_demo_data

    with shown_as_messages():
        counts = build_demo_data(output_path, force=force)
        msg.good(f"Wrote {output_path}", str(counts))


if __name__ == "__main__":
    typer.run(main)
