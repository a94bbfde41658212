"""A run's folder -> `report.html` in it, a page that needs nothing else."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...folders import replacing_file
from ...pages.document import make_document
from ...pages.elements import tag
from ..log import Row
from ..run_folder import PAGE, REPORT, TITLE, check_is_ours
from .charts import draw_chart
from .curves import make_charts
from .fills import make_fills, make_pairs
from .run_record import read_run
from .settings import make_settings
from .summary import describe_machine, make_origin, make_summary, notes_of


def write_report(output: Path, *, refresh: int | None = None) -> Path:
    """refresh: seconds after which a browser reads the page again.

    Raises ValueError if nothing is logged yet, FileExistsError if something else has
    the page's name, and OSError if the page cannot be written."""
    check_is_ours(output / REPORT, PAGE)
    run = read_run(output)
    page = make_page(run.rows, run.config, run.saves, output=run.name, refresh=refresh)
    with replacing_file(output / REPORT) as new:
        new.write_text(page, encoding="utf8")
    return output / REPORT


def make_page(
    rows: Sequence[Row],
    config: Mapping[str, Any],
    fills: Sequence[Row],
    *,
    output: str = "",
    refresh: int | None = None,
) -> str:
    """HTML that what was logged alone decides. rows: at least one; output: the folder,
    as commands name it."""
    notes = notes_of(rows)
    charts = [draw_chart(chart, notes) for chart in make_charts(rows, fills)]
    return make_document(
        TITLE,
        *make_summary(rows),
        tag("div", *charts, class_="charts"),
        *make_fills(fills),
        *make_pairs(fills),
        *make_origin(rows, output),
        *make_settings(config),
        tag("footer", describe_machine(rows)),
        tag("script", page_script()),
        refresh=refresh,
    )


def page_script() -> str:
    """What shows the values under the pointer."""
    return files(__package__).joinpath("page.js").read_text(encoding="utf8")
