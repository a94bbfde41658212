"""Spans that were found next to those that are right."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["label", "place", "label and place", "extra", "missed"]

# In tables of confusion, for a span that has no counterpart.
NOTHING = ""


@dataclass(frozen=True, order=True)
class Place:
    """start, end: in characters."""

    start: int
    end: int
    label: str

    def overlap(self, other: "Place") -> int:
        return min(self.end, other.end) - max(self.start, other.start)


@dataclass(frozen=True, kw_only=True)
class Found:
    """prob: None if the component gives none."""

    place: Place
    prob: float | None = None


@dataclass(frozen=True, kw_only=True)
class Match:
    """kind: None if it is right."""

    found: Found | None = None
    gold: Place | None = None
    kind: Kind | None = None


@dataclass(kw_only=True)
class LabelCounts:
    n_right: int = 0
    n_found: int = 0
    n_gold: int = 0

    def scores(self) -> tuple[float, float, float]:
        """Precision, recall and F, 0 if there is nothing to divide by."""
        precision = self.n_right / self.n_found if self.n_found else 0.0
        recall = self.n_right / self.n_gold if self.n_gold else 0.0
        total = self.n_found + self.n_gold
        return precision, recall, 2 * self.n_right / total if total else 0.0


@dataclass(kw_only=True)
class Counts:
    """confusion: (gold label, found label) -> how often; NOTHING is the other side of
    what is extra or missed."""

    labels: dict[str, LabelCounts] = field(default_factory=dict)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, gold: str, found: str, *, is_right: bool) -> None:
        for label in {gold, found} - {NOTHING}:
            counts = self.labels.setdefault(label, LabelCounts())
            counts.n_gold += label == gold
            counts.n_found += label == found
            counts.n_right += is_right
        self.confusion[gold, found] += 1

    def total(self) -> LabelCounts:
        return LabelCounts(
            **{
                name: sum(getattr(one, name) for one in self.labels.values())
                for name in ("n_right", "n_found", "n_gold")
            }
        )


def match(found: Sequence[Found], golds: Iterable[Place]) -> list[Match]:
    """Each span once: equal ones first, then those with the most characters in common,
    then the rest alone."""
    left = {*golds}
    matches, others = [], []
    for one in found:
        if one.place in left:
            left.remove(one.place)
            matches.append(Match(found=one, gold=one.place))
        else:
            others.append(one)
    overlaps = sorted(
        (
            (one.place.overlap(gold), one.place.label == gold.label, -i, gold)
            for i, one in enumerate(others)
            for gold in left
            if one.place.overlap(gold) > 0
        ),
        reverse=True,
    )
    taken: set[int] = set()
    for _, _, minus_i, gold in overlaps:
        i = -minus_i
        if i not in taken and gold in left:
            taken.add(i)
            left.remove(gold)
            one = others[i]
            matches.append(Match(found=one, gold=gold, kind=_kind(one.place, gold)))
    matches += [
        Match(found=one, kind="extra") for i, one in enumerate(others) if i not in taken
    ]
    return matches + [Match(gold=gold, kind="missed") for gold in sorted(left)]


def _kind(found: Place, gold: Place) -> Kind:
    if found.label == gold.label:
        return "place"
    is_same_place = (found.start, found.end) == (gold.start, gold.end)
    return "label" if is_same_place else "label and place"
