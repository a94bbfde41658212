"""Rows of a log -> the charts of a report. A series that was not logged has none."""

from collections.abc import Callable, Sequence
from math import isfinite, log, nan
from operator import itemgetter

from ..log import Row
from .charts import Chart, Series
from .numbers import Point

MAIN, SECOND, REFERENCE = "main", "second", "reference"

# What guessing one of two costs.
_COIN_LOSS = log(2)


def make_charts(rows: Sequence[Row], saves: Sequence[Row] = ()) -> list[Chart]:
    """Each with at least two points. saves: what each save answered."""

    def line(name: str, kind: str, key: str) -> Series:
        return Series(name=name, kind=kind, points=points_of(rows, key))

    loss, nsp_loss = "held_out_mlm_loss", line("training", SECOND, "nsp_loss")
    ratios = points_of(rows, "held_out_random_ratio")
    majority = [(step, max(ratio, 1 - ratio)) for step, ratio in ratios]
    coin = [(step, _COIN_LOSS) for step, _ in nsp_loss.points]
    pairs = points_of(saves, "minimal_pairs_accuracy")
    best = best_row(rows)
    charts = [
        Chart(
            title="MLM loss (nats)",
            series=[
                line("training", SECOND, "mlm_loss"),
                line("held-out", MAIN, loss),
                line("unigram", REFERENCE, "held_out_unigram_loss"),
            ],
            show="{:.3f}".format,
            mark=_point(best, loss),
        ),
        Chart(
            title="Held-out MLM perplexity (log scale)",
            series=[line("perplexity", MAIN, "held_out_perplexity")],
            show="{:,.1f}".format,
            is_log=True,
            mark=_point(best, "held_out_perplexity"),
        ),
        _fractions(
            "Held-out MLM accuracy", line("right", MAIN, "held_out_mlm_accuracy")
        ),
        _fractions(
            "Held-out NSP accuracy",
            line("right", MAIN, "held_out_nsp_accuracy"),
            Series(name="guessing", kind=REFERENCE, points=majority),
        ),
        _fractions(
            "Minimal pairs whose good sentence is likelier",
            Series(name="right", kind=MAIN, points=pairs),
            Series(
                name="guessing",
                kind=REFERENCE,
                points=[(step, 0.5) for step, _ in pairs],
            ),
        ),
        Chart(
            title="Training NSP loss (nats)",
            series=[nsp_loss, Series(name="guessing", kind=REFERENCE, points=coin)],
            show="{:.3f}".format,
        ),
        _from_zero(
            "Learning rate", line("rate", SECOND, "learn_rate"), "{:.2e}".format
        ),
        _from_zero(
            "Pieces per second",
            line("pieces/s", SECOND, "pieces_per_second"),
            "{:,.0f}".format,
        ),
        _fractions(
            "MFU (fraction of the machine's matrix-product rate)",
            line("MFU", SECOND, "mfu"),
        ),
    ]
    return [chart for chart in charts if len(chart.series[0].points) > 1]


def points_of(rows: Sequence[Row], key: str) -> list[Point]:
    """(step, value) if there is one and it is finite."""
    return [(row["step"], row[key]) for row in rows if isfinite(row.get(key, nan))]


def best_row(rows: Sequence[Row]) -> Row | None:
    """The one whose model is `model-best`, if any was evaluated."""
    evaluated = [row for row in rows if "held_out_mlm_loss" in row]
    return min(evaluated, key=itemgetter("held_out_mlm_loss"), default=None)


def _point(row: Row | None, key: str) -> Point | None:
    return (row["step"], row[key]) if row else None


def _fractions(title: str, *series: Series) -> Chart:
    return Chart(
        title=title,
        series=series,
        show="{:.1%}".format,
        show_tick=lambda fraction: f"{100 * fraction:g}%",
        from_zero=True,
    )


def _from_zero(title: str, series: Series, show: Callable[[float], str]) -> Chart:
    return Chart(title=title, series=[series], show=show, from_zero=True)
