"""What was found -> one HTML page."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import cycle
from xml.etree.ElementTree import Element

from spacy.displacy.render import DEFAULT_LABEL_COLORS

from ...pages.document import make_document
from ...pages.elements import Child, tag
from ..calibration.events import Events
from .finding import Mistake, Report
from .matching import NOTHING, Counts, Kind, LabelCounts, Place

TITLE = "Errors of a spaCy pipeline"

_KINDS: dict[Kind, str] = {
    "label": "another label",
    "place": "another place",
    "label and place": "another label and place",
    "extra": "not in the gold annotation",
    "missed": "not found",
}
# Labels of a table of confusion, those that are confused most.
_N_CONFUSED = 20
# Characters around a mistake, or of a text that is one.
_N_AROUND, _N_OF_TEXT = 120, 400
# The diagram, in units of the SVG.
_SIZE, _LEFT, _TOP, _BOTTOM = 300, 46, 12, 272

Colors = Callable[[str], str]


def make_page(reports: Sequence[Report], *, remark: str, n_shown: int) -> str:
    """remark: below the title. n_shown: at most so many mistakes of each kind."""
    sections = [part for one in reports for part in _section(one, n_shown)]
    style = files(__package__).joinpath("page.css").read_text(encoding="utf8")
    return make_document(TITLE, tag("p", remark), *sections, style=style)


def _section(report: Report, n_shown: int) -> Iterator[Element]:
    colors = _pick_colors(report.counts.labels)
    yield tag("h2", report.name)
    yield _tiles(report)
    yield _wide(_score_table(report.counts))
    if report.has_confusion and len(report.counts.confusion) > 1:
        yield tag("h3", "confusion")
        yield from _confusion(report.counts)
    if report.events:
        yield tag("h3", "how often it is right")
        yield from _reliability(report.events)
    for title, mistakes in (
        ("wrong predictions, the surest first", report.surest()),
        ("not found", report.missed()),
    ):
        if mistakes:
            yield tag("h3", title)
            yield tag("p", _how_many(len(mistakes), n_shown))
            rows = [_show(one, colors) for one in mistakes[:n_shown]]
            yield tag("div", *rows, class_="wide mistakes")


_NONE = "none"


def _tiles(report: Report) -> Element:
    total = report.counts.total()
    precision, recall, f = total.scores()
    values = [
        ("precision", _percent(precision)),
        ("recall", _percent(recall)),
        ("F, micro", _percent(f)),
        (f"gold {report.noun}", f"{total.n_gold:,}"),
        ("mistakes", f"{len(report.mistakes):,}"),
    ]
    if report.events:
        error = _percent(report.events.calibration_error())
        values.append(("calibration error", error))
    tiles = (tag("div", tag("dt", name), tag("dd", value)) for name, value in values)
    return tag("dl", *tiles, class_="tiles")


def _score_table(counts: Counts) -> Element:
    header = ("label", "precision", "recall", "F", "gold", "found", "right")
    labels = sorted(counts.labels.items(), key=lambda item: (-item[1].n_gold, item[0]))
    return _table(header, [(label, *_score_cells(one)) for label, one in labels])


def _score_cells(counts: LabelCounts) -> Iterator[str]:
    yield from map(_percent, counts.scores())
    for n in (counts.n_gold, counts.n_found, counts.n_right):
        yield f"{n:,}"


def _confusion(counts: Counts) -> Iterator[Element]:
    """Cells that are wrong have a color, the stronger the more there are."""
    wrong: Counter[str] = Counter()
    for (gold, found), n in counts.confusion.items():
        for label in {gold, found} - {NOTHING} if gold != found else ():
            wrong[label] += n
    labels = sorted(label for label, _ in wrong.most_common(_N_CONFUSED))
    remarks = ["Rows are gold labels, columns what was found."]
    if len(wrong) > len(labels):
        remarks.append(f"Only the {_N_CONFUSED} labels that are confused most.")
    if any(NOTHING in pair for pair in counts.confusion):
        labels.append(NOTHING)
        remarks.append(
            "Spans count if a part of their place is right. "
            f"'{_NONE}' is what has no counterpart."
        )
    yield tag("p", " ".join(remarks))
    yield _wide(_confusion_table(counts, labels or sorted(counts.labels)))


def _confusion_table(counts: Counts, labels: Sequence[str]) -> Element:
    most = max(
        (n for (gold, found), n in counts.confusion.items() if gold != found), default=1
    )
    rows = []
    for gold in labels:
        cells = [tag("th", gold or _NONE)]
        for found in labels:
            n = counts.confusion[gold, found]
            cell = tag("td", f"{n:,}" if n else "")
            if n:
                cell.set("class", "right" if gold == found else "wrong")
                cell.set("style", f"--part: {10 + 60 * n / most:.0f}%")
            cells.append(cell)
        rows.append(tag("tr", *cells))
    heads = [tag("th"), *(tag("th", label or _NONE) for label in labels)]
    return tag(
        "table",
        tag("thead", tag("tr", *heads)),
        tag("tbody", *rows),
        class_="confusion",
    )


def _reliability(events: Events) -> Iterator[Element]:
    """A bar for each tenth: how often its predictions are right."""
    yield tag(
        "p",
        "Each bar is a range of probabilities: its height is the share of right "
        "predictions, the line where it should be. Below are how many there are.",
    )
    svg = tag("svg", viewBox=f"0 0 {_SIZE + _LEFT + 14} 300", class_="reliability")
    for tick in (0.0, 0.5, 1.0):
        at = _y(tick)
        svg.append(tag("line", x1=_LEFT, x2=_LEFT + _SIZE, y1=at, y2=at))
        label = f"{100 * tick:.0f} %"
        svg.append(tag("text", label, class_="y", x=_LEFT - 6, y=at, dy="0.35em"))
    for one in events.in_bins(10):
        left, width = _LEFT + _SIZE * one.low, _SIZE * (one.high - one.low)
        top = _y(one.share_right)
        title = (
            f"probability {one.low:.1f} to {one.high:.1f}, {one.mean_prob:.2f} on "
            f"average: {_percent(one.share_right)} of {one.n:,} are right"
        )
        svg.append(
            tag(
                "rect",
                tag("title", title),
                x=round(left + 2, 2),
                y=top,
                width=round(width - 4, 2),
                height=round(_BOTTOM - top, 2),
            )
        )
        middle = round(left + width / 2, 2)
        svg.append(tag("text", f"{one.n:,}", class_="x", x=middle, y=288))
    svg.append(
        tag("line", class_="even", x1=_LEFT, x2=_LEFT + _SIZE, y1=_BOTTOM, y2=_TOP)
    )
    yield tag("figure", svg, class_="chart reliability")


def _y(share: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * share, 2)


def _show(mistake: Mistake, colors: Colors) -> Element:
    sureness = "" if mistake.prob is None else f"{mistake.prob:.2f}, "
    pair = f"{mistake.found or _NONE} for {mistake.gold or _NONE}"
    head = tag("div", tag("b", sureness + _KINDS[mistake.kind]), f" · {pair}")
    if mistake.match is None:
        return tag("div", head, tag("p", _shorten(mistake.text)), class_="mistake")
    found = mistake.match.found.place if mistake.match.found else None
    lines = []
    for name, place in (("found", found), ("gold", mistake.match.gold)):
        if place:
            start, end = _around(mistake, len(mistake.text))
            marked = _mark(mistake.text, place, start, end, colors)
            lines.append(tag("p", tag("small", name), *marked))
    return tag("div", head, *lines, class_="mistake")


def _around(mistake: Mistake, length: int) -> tuple[int, int]:
    """The same piece of the text for what was found and what is right."""
    assert mistake.match
    places = [mistake.match.gold, mistake.match.found and mistake.match.found.place]
    known = [place for place in places if place]
    start = max(0, min(place.start for place in known) - _N_AROUND)
    end = min(length, max(place.end for place in known) + _N_AROUND)
    return start, end


def _mark(
    text: str, place: Place, start: int, end: int, colors: Colors
) -> Iterator[Child]:
    """As displaCy draws an entity."""
    yield ("… " if start else "") + text[start : place.start]
    yield tag(
        "mark",
        text[place.start : place.end],
        tag("span", place.label),
        class_="entity",
        style=f"background: {colors(place.label)}",
    )
    yield text[place.end : end] + (" …" if end < len(text) else "")


def _pick_colors(labels: Iterable[str]) -> Colors:
    """displaCy's for the labels that it knows, and for the others those in turn."""
    known = {label: DEFAULT_LABEL_COLORS.get(label.upper()) for label in sorted(labels)}
    all_colors = dict.fromkeys(DEFAULT_LABEL_COLORS.values())
    unused = [color for color in all_colors if color not in known.values()]
    spare = cycle(unused or all_colors)
    colors = {label: color or next(spare) for label, color in known.items()}
    return colors.__getitem__


def _shorten(text: str) -> str:
    return text if len(text) <= _N_OF_TEXT else text[:_N_OF_TEXT] + " …"


def _how_many(n: int, n_shown: int) -> str:
    return f"{n:,} in all." if n <= n_shown else f"The first {n_shown:,} of {n:,}."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Element:
    heads = [tag("th", header[0]), *(tag("th", h, class_="number") for h in header[1:])]
    body = (
        tag("tr", tag("th", row[0]), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    )
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body))


def _wide(table: Element) -> Element:
    return tag("div", table, class_="wide")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
