"""Line charts as inline SVG: points by step -> a <figure>."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log10
from xml.etree.ElementTree import Element

from ...pages.elements import add, tag
from .numbers import Point, log_ticks, shorten, thin, ticks

# A step where something happened, and what.
Note = tuple[int, str]

# In units of the SVG, which is drawn at whatever width the page has.
WIDTH, HEIGHT = 480, 268
LEFT, RIGHT, TOP, BOTTOM = 58, 464, 12, 226

# More than a screen shows apart.
N_POINTS = 400
# Up to here each point has a dot.
_N_DOTS = 40


@dataclass(frozen=True, kw_only=True)
class Series:
    """`kind` is "main", "second" or "reference", which the page's style draws."""

    name: str
    kind: str
    points: Sequence[Point]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`show` and `show_x` format values under the pointer. `mark` is the best point."""

    title: str
    series: Sequence[Series]
    show: Callable[[float], str]
    x_name: str = "step"
    show_x: Callable[[float], str] = "{:,}".format
    show_tick: Callable[[float], str] = shorten
    from_zero: bool = False
    is_log: bool = False
    mark: Point | None = None


class _Scale:
    """Values -> coordinates between two ends, which the outermost ticks have."""

    def __init__(self, values: list[float], ends: Point, is_log: bool = False) -> None:
        self._transform = log10 if is_log else float
        make_ticks = log_ticks if is_log else ticks
        self.ticks = make_ticks(min(values), max(values))
        self._low, high = map(self._transform, (self.ticks[0], self.ticks[-1]))
        self._start, stop = ends
        self._rate = (stop - self._start) / (high - self._low)

    def __call__(self, value: float) -> float:
        return self._start + self._rate * (self._transform(value) - self._low)


def draw_chart(chart: Chart, notes: Sequence[Note]) -> Element:
    """What it says under the pointer is in the SVG's `data-hover`, as JSON: the x
    and the text of each step."""
    series = [
        Series(name=s.name, kind=s.kind, points=thin(s.points, N_POINTS))
        for s in chart.series
        if s.points
    ]
    points = [point for s in series for point in s.points]
    values = [y for _, y in points] + [0.0] * chart.from_zero
    x = _Scale([step for step, _ in points], (LEFT, RIGHT))
    y = _Scale(values, (BOTTOM, TOP), chart.is_log)
    svg = tag(
        "svg",
        *_axes(x, y, chart),
        *(_event(x, note) for note in notes),
        *(element for s in series for element in _line(s, x, y)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=chart.title,
        data_hover=json.dumps(_hover(chart, [step for step, _ in points], x)),
    )
    if chart.mark:
        step, value = chart.mark
        add(svg, tag("circle", cx=_px(x(step)), cy=_px(y(value)), r=5, class_="mark"))
    add(svg, tag("line", class_="pointer", y1=TOP, y2=BOTTOM))
    caption = tag("figcaption", tag("b", chart.title), *_legend(series, chart))
    return tag("figure", caption, svg, tag("output"), class_="chart")


def _axes(x: _Scale, y: _Scale, chart: Chart) -> list[Element]:
    elements = []
    for value in y.ticks:
        at, label = _px(y(value)), chart.show_tick(value)
        elements.append(tag("line", class_="grid", x1=LEFT, x2=RIGHT, y1=at, y2=at))
        elements.append(tag("text", label, class_="y", x=LEFT - 7, y=at, dy="0.35em"))
    for value in x.ticks:
        if chart.x_name == "step" and not value.is_integer():
            continue
        elements.append(tag("text", shorten(value), class_="x", x=_px(x(value)), y=245))
    elements.append(tag("text", chart.x_name, class_="axis", x=RIGHT, y=262))
    return elements


def _line(series: Series, x: _Scale, y: _Scale) -> list[Element]:
    points = [(_px(x(step)), _px(y(value))) for step, value in series.points]
    line = " ".join(f"{left},{top}" for left, top in points)
    elements = [tag("polyline", points=line, class_=series.kind, data_name=series.name)]
    if len(points) <= _N_DOTS and series.kind != "reference":
        elements += [
            tag("circle", cx=left, cy=top, r=2.5, class_=series.kind)
            for left, top in points
        ]
    return elements


def _event(x: _Scale, note: Note) -> Element:
    step, text = note
    at = _px(x(step))
    title = tag("title", f"step {step:,}: {text}")
    return tag("line", title, class_="note", x1=at, x2=at, y1=TOP, y2=BOTTOM)


def _legend(series: Sequence[Series], chart: Chart) -> list[Element]:
    several = series if len(series) > 1 else ()
    keys = [tag("span", s.name, class_=f"key {s.kind}") for s in several]
    if chart.mark:
        keys.append(tag("span", "best", class_="key mark"))
    return keys


def _hover(chart: Chart, steps: Iterable[float], x: _Scale) -> list[tuple[float, str]]:
    """All that was logged at each step, also what the line leaves out."""
    logged = [(s.name, dict(s.points)) for s in chart.series]
    texts = []
    for step in sorted(set(steps)):
        values = [f"{name} {chart.show(ys[step])}" for name, ys in logged if step in ys]
        at = f"{chart.x_name} {chart.show_x(step)}"
        texts.append((_px(x(step)), "\n".join([at, *values])))
    return texts


def _px(x: float) -> float:
    return round(x, 2)
