"""What the model answered at each save -> tables."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from ...pages.elements import Child, tag
from ...tokenization.special import MASK
from ..log import Row
from .numbers import evenly

# Saves that fit into one row.
N_SAVES = 7


def make_fills(rows: Sequence[Row]) -> list[Element]:
    """A row for each text, in the order of the last save, and a column for each of some
    saves, the first and the last among them. Nothing if there are no texts."""
    saves = evenly([row for row in rows if row["fills"]], N_SAVES)
    if not saves:
        return []
    by_text = [{fill["text"]: fill for fill in row["fills"]} for row in saves]
    # A resumed run may have other texts.
    texts = dict.fromkeys(text for fills in reversed(by_text) for text in fills)
    body = [
        (_question(text, by_text), *(_cell(fills.get(text)) for fills in by_text))
        for text in texts
    ]
    return [
        tag("h2", f"What the model puts for {MASK}"),
        tag(
            "p",
            "Its first guess at each save, and the guess's probability; the pointer "
            "shows the next ones. Bold: what the text has there.",
        ),
        _table("Text", saves, body),
    ]


def make_pairs(rows: Sequence[Row]) -> list[Element]:
    """A row for each phenomenon of the last save, and a column for each of some saves.
    Nothing if no minimal pairs were judged."""
    saves = evenly([row for row in rows if row.get("minimal_pairs")], N_SAVES)
    if not saves:
        return []
    shares = [
        {"all": row["minimal_pairs_accuracy"], **row["minimal_pairs"]} for row in saves
    ]
    body = [
        (
            tag("th", name, scope="row"),
            *(tag("td", f"{of[name]:.1%}" if name in of else "") for of in shares),
        )
        for name in shares[-1]
    ]
    return [
        tag("h2", "Minimal pairs"),
        tag(
            "p",
            "How often the good sentence of a pair is likelier than the bad one, by "
            "phenomenon; guessing has 50%.",
        ),
        _table("Phenomenon", saves, body),
    ]


def _table(
    what: str, saves: Sequence[Row], body: Sequence[Sequence[Element]]
) -> Element:
    head = [tag("th", what), *(tag("th", f"step {row['step']:,}") for row in saves)]
    lines = [tag("tr", *cells) for cells in body]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *lines))
    return tag("div", table, class_="wide")


def _question(text: str, by_text: Sequence[Mapping[str, Any]]) -> Element:
    answer = next(fills[text]["answer"] for fills in by_text if text in fills)
    first, *rest = text.split(MASK)
    children: list[Child] = [first]
    for text_after in rest:
        children += [tag("mark", answer or MASK), text_after]
    return tag("th", *children, scope="row")


def _cell(fill: Row | None) -> Element:
    if fill is None:
        return tag("td")
    children: list[Child] = []
    for guesses in fill["guesses"]:
        piece, prob = guesses[0]
        name = "b" if piece == fill["answer"] else "span"
        others = "\n".join(f"{piece} {prob:.1%}" for piece, prob in guesses)
        children.append(
            tag("div", tag(name, piece), " ", tag("small", f"{prob:.0%}"), title=others)
        )
    return tag("td", *children)
