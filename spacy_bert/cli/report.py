"""`spacy bert report`: what a pretraining run logged -> a page."""

from pathlib import Path

from spacy.cli._util import Arg
from wasabi import msg


def report_cli(
    output_path: Path = Arg(..., help="Folder that 'spacy bert pretrain' writes into"),
) -> None:
    """Draw a run, also one that is still going on: its curves, its settings, and what
    it puts for [MASK] at each save. Writes report.html, which needs no network."""
    from ..pretraining.report import write_report
    from .errors import shown_as_messages

    with shown_as_messages():
        msg.good(f"Wrote {write_report(output_path)}")
