"""`spacy bert demo-data`: the installed documentation -> the default run's data."""

from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg


def demo_data_cli(
    output_path: Path = Arg(..., help="Folder to write the data into"),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier build"),
) -> None:
    """Build the data of the default run from the documentation on this machine.

    A corpus for pretraining, and train, dev and test Docs with categories, entities and
    spans, from the docstrings of the standard library, numpy, torch, sympy, networkx
    and transformers. Nothing is imported or downloaded.
    """
    from ..demo import build_demo_data
    from .errors import shown_as_messages

    with shown_as_messages():
        counts = build_demo_data(output_path, force=force)
        msg.good(f"Wrote {output_path}", str(counts))
