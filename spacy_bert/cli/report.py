"""`spacy bert report`: what a pretraining run logged -> a page."""

from pathlib import Path

from spacy.cli._util import Arg
from wasabi import msg


def report_cli(
    output_path: Path = Arg(..., help="Folder that 'spacy bert pretrain' writes into"),
) -> None:
    """Draw a pretraining run as an HTML page.

    It has the curves, the settings, and what the model puts for [MASK] at each save.
    The run may not be over yet. report.html needs no network.
    """
    from ..pretraining.report import write_report
    from .errors import shown_as_messages

    with shown_as_messages():
        msg.good(f"Wrote {write_report(output_path)}")
