"""Several runs in one picture: losses against text and time, and what differs."""

from collections.abc import Callable, Sequence
from math import isfinite, nan
from pathlib import Path
from xml.etree.ElementTree import Element

from ...outputs import COMPARISON_TITLE
from ...pages.document import make_document
from ...pages.elements import tag
from ..log import Row
from .charts import Chart, Series, draw_chart
from .curves import best_row
from .numbers import Point, format_time, shorten
from .page import page_script
from .run_record import RunRecord, read_run
from .settings import shown

# As many as colours that can be told apart.
MOST_RUNS = 6
_COLORS = ("#2a6fd0", "#d9692b", "#3f9a5a", "#9a5bb8", "#c23b57", "#8a7a1e")
_LOSS, _NSP = "held_out_mlm_loss", "held_out_nsp_accuracy"
_PAIRS = "minimal_pairs_accuracy"


def read_runs(folders: Sequence[Path]) -> list[RunRecord]:
    """Raises ValueError for a folder without a log, or the wrong number of them."""
    names = list(dict.fromkeys(folders))
    if not 2 <= len(names) <= MOST_RUNS:
        raise ValueError(
            f"Expected 2 to {MOST_RUNS} runs to compare, got {len(names)}."
        )
    return [read_run(folder) for folder in names]


def make_comparison(runs: Sequence[RunRecord], *, refresh: int | None = None) -> str:
    """HTML that what was logged alone decides. refresh: as in `write_report`."""
    remark = (
        "Losses are those of the same held-out text, guessed with the same pieces."
        if _have_same_text(runs)
        else "The runs have different texts or vocabularies, so their losses cannot be "
        "compared. Minimal pairs can, and scores of what is trained on them."
    )
    charts = [draw_chart(chart, []) for chart in _make_charts(runs)]
    return make_document(
        COMPARISON_TITLE,
        tag("p", remark, class_="verdict"),
        _wide(_summary(runs)),
        tag("div", *charts, class_="charts"),
        *_differences(runs),
        tag("script", page_script()),
        style=_style(),
        refresh=refresh,
    )


def _have_same_text(runs: Sequence[RunRecord]) -> bool:
    corpora = [run.config.get("corpus") for run in runs]
    return None not in corpora and all(one == corpora[0] for one in corpora)


def _make_charts(runs: Sequence[RunRecord]) -> list[Chart]:
    """Those of which a run has at least two points."""
    axes: list[tuple[str, Callable[[Row], float], Callable[[float], str]]] = [
        ("pieces", lambda row: row["n_pieces"], shorten),
        ("minutes", lambda row: row["seconds"] / 60, "{:,.1f}".format),
    ]
    charts = [
        Chart(
            title=f"{title}, by {x_name}",
            x_name=x_name,
            show_x=show_x,
            series=_series(runs, [_points(run.rows, key, x) for run in runs]),
            show=show,
            show_tick=show_tick,
        )
        for title, key, show, show_tick in (
            ("Held-out MLM loss (nats)", _LOSS, "{:.3f}".format, shorten),
            ("Held-out NSP accuracy", _NSP, "{:.1%}".format, "{:.0%}".format),
        )
        for x_name, x, show_x in axes
    ]
    charts.append(
        Chart(
            title="Minimal pairs whose good sentence is likelier",
            series=_series(runs, [_points(r.saves, _PAIRS, _step) for r in runs]),
            show="{:.1%}".format,
            show_tick="{:.0%}".format,
        )
    )
    return [c for c in charts if any(len(series.points) > 1 for series in c.series)]


def _series(runs: Sequence[RunRecord], curves: Sequence[list[Point]]) -> list[Series]:
    return [
        Series(name=run.name, kind=f"run{i}", points=points)
        for i, (run, points) in enumerate(zip(runs, curves, strict=True))
    ]


def _points(rows: Sequence[Row], key: str, x: Callable[[Row], float]) -> list[Point]:
    return [(x(row), row[key]) for row in rows if isfinite(row.get(key, nan))]


def _step(row: Row) -> float:
    step: int = row["step"]
    return step


def _summary(runs: Sequence[RunRecord]) -> Element:
    header = ("Run", "Best MLM loss", "NSP accuracy", "Minimal pairs", "Pieces", "Time")
    return _table(header, [_summary_row(run) for run in runs])


def _summary_row(run: RunRecord) -> list[str]:
    best, last = best_row(run.rows) or {}, run.rows[-1]
    judged = [row[_PAIRS] for row in run.saves if _PAIRS in row]
    return [
        run.name,
        f"{best[_LOSS]:.3f} (step {best['step']:,})" if best else "",
        f"{best[_NSP]:.1%}" if _NSP in best else "",
        f"{judged[-1]:.1%}" if judged else "",
        shorten(last["n_pieces"]),
        format_time(last["seconds"]),
    ]


def _differences(runs: Sequence[RunRecord]) -> list[Element]:
    """Settings that are not the same in all runs that have a config."""
    configs = [run.config for run in runs]
    keys = dict.fromkeys(
        (section, key)
        for config in configs
        for section in config
        if section != "corpus"
        for key in config[section]
    )
    rows = []
    for section, key in keys:
        values = [shown(config.get(section, {}).get(key)) for config in configs]
        if len(set(values)) > 1:
            rows.append([f"[{section}] {key}", *values])
    if not rows:
        return []
    header = ("Setting", *(run.name for run in runs))
    return [tag("h2", "What differs"), _wide(_table(header, rows))]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Element:
    head = tag("tr", *(tag("th", name) for name in header))
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", x) for x in row[1:]))
        for row in rows
    ]
    return tag("table", tag("thead", head), tag("tbody", *body))


def _wide(table: Element) -> Element:
    return tag("div", table, class_="wide")


def _style() -> str:
    return "".join(
        f"polyline.run{i} {{ stroke: {color}; }} circle.run{i} {{ fill: {color}; }} "
        f".key.run{i}::before {{ border-color: {color}; }}\n"
        for i, color in enumerate(_COLORS)
    )
