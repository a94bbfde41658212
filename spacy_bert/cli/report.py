"""`spacy bert report`: what pretraining runs logged -> a page."""

from collections.abc import Callable
from pathlib import Path

from spacy.cli._util import Arg, Opt
from wasabi import msg

# Between two pages of runs that go on.
_SECONDS = 15


def report_cli(
    runs: list[Path] = Arg(..., help="Folders that 'spacy bert pretrain' writes into"),
    output: Path = Opt(
        Path("comparison.html"), "--output", "-o", help="Page of several runs"
    ),
    watch: bool = Opt(
        False, "--watch", "-w", help="Draw it again and again until the runs are over"
    ),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier comparison"),
) -> None:
    """Draw a pretraining run as an HTML page, or several in one picture.

    It has the curves, the settings, and what the model puts for [MASK] at each save.
    The page of a run is report.html in its folder; that of several says what differs in
    their settings. A run may not be over yet. The pages need no network.
    """
    from ..folders import replacing_file
    from ..outputs import COMPARISON, check_output
    from ..pretraining.report import write_report
    from ..pretraining.report.comparison import make_comparison, read_runs
    from .errors import shown_as_messages

    with shown_as_messages():
        if len(runs) == 1:
            (run,) = runs
            page = run / "report.html"
            _draw(lambda refresh: write_report(run, refresh=refresh), runs, watch)
        else:
            page = check_output(output, COMPARISON, force=force)

            def write(refresh: int | None) -> None:
                text = make_comparison(read_runs(runs), refresh=refresh)
                with replacing_file(page) as new:
                    new.write_text(text, encoding="utf8")

            _draw(write, runs, watch)
        msg.good(f"Wrote {page}")


def _draw(write: Callable[[int | None], object], runs: list[Path], watch: bool) -> None:
    """Once, or again and again, with a page that a browser reloads."""
    from time import sleep

    from ..pretraining.log import LogRow, Row, read_rows
    from ..pretraining.run_folder import LOG

    def last_rows() -> list[Row]:
        """Those of the runs that have logged something by now."""
        logs = [read_rows(run / LOG, LogRow) for run in runs]
        return [rows[-1] for rows in logs if rows]

    try:
        while watch:
            rows = last_rows()
            if len(rows) == len(runs):
                if all(row["progress"] >= 1.0 for row in rows):
                    break
                write(_SECONDS)
            sleep(_SECONDS)
    except KeyboardInterrupt:
        msg.info("Stopped watching. The runs go on.")
    write(None)
