"""What the model put for [MASK] at each save -> a table."""

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
    head = [tag("th", "Text"), *(tag("th", f"step {row['step']:,}") for row in saves)]
    body = [
        tag(
            "tr",
            _question(text, by_text),
            *(_cell(fills.get(text)) for fills in by_text),
        )
        for text in texts
    ]
    return [
        tag("h2", f"What the model puts for {MASK}"),
        tag(
            "p",
            "Its first guess at each save, and the guess's probability; the pointer "
            "shows the next ones. Bold: what the text has there.",
        ),
        tag(
            "div",
            tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body)),
            class_="wide",
        ),
    ]


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
