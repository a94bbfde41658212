"""A sketch of how many texts are duplicates, in memory that does not grow.

How many different texts there are is estimated from the smallest of their hashes, which
are spread evenly from 0 to 1: where the 4,096th smallest is h, there are some 4,096 / h
(Bar-Yossef et al. 2002, "Counting distinct elements in a data stream"). The error is
1.6 %, and none while there are fewer. Examples are texts with those hashes and the most
frequent ones. These are found by counters that all lose what the least of them has
when there are too many (Misra and Gries 1982; merged as in Agarwal et al. 2012,
"Mergeable summaries").
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

N_HASHES = 4096
N_COUNTERS = 512
_N_CHARS = 80


@dataclass
class DuplicateSketch:
    """n_seen: how many texts.
    smallest: hashes, and how often each was seen.
    frequent: hashes, and how often each was seen at least.
    beginnings: of the texts with these hashes.
    """

    n_seen: int = 0
    smallest: dict[float, int] = field(default_factory=dict)
    frequent: Counter[float] = field(default_factory=Counter)
    beginnings: dict[float, str] = field(default_factory=dict)

    def add(self, texts: Iterable[str]) -> None:
        by_text = Counter(texts)
        beginnings = {hash_text(text): text[:_N_CHARS] for text in by_text}
        counts = dict(zip(beginnings, by_text.values(), strict=True))
        self.merge(
            DuplicateSketch(by_text.total(), counts, Counter(counts), beginnings)
        )

    def merge(self, other: "DuplicateSketch") -> None:
        self.n_seen += other.n_seen
        sums = Counter(self.smallest)
        sums.update(other.smallest)
        self.smallest = {key: sums[key] for key in sorted(sums)[:N_HASHES]}
        self.frequent.update(other.frequent)
        if len(self.frequent) > N_COUNTERS:
            least = sorted(self.frequent.values())[-N_COUNTERS - 1]
            self.frequent -= Counter(dict.fromkeys(self.frequent, least))
        beginnings = self.beginnings | other.beginnings
        kept = self.smallest.keys() | self.frequent.keys()
        self.beginnings = {key: beginnings[key] for key in sorted(kept)}

    def to_json(self) -> dict[str, Any]:
        return {
            "n_seen": self.n_seen,
            "smallest": list(self.smallest.items()),
            "frequent": list(self.frequent.items()),
            "beginnings": list(self.beginnings.items()),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "DuplicateSketch":
        return cls(
            n_seen=values["n_seen"],
            smallest=dict(values["smallest"]),
            frequent=Counter(dict(values["frequent"])),
            beginnings=dict(values["beginnings"]),
        )

    @property
    def ratio(self) -> float:
        """The fraction of the texts that were seen before; 0 if no text is known that
        was, as the error of an estimate would look like copies."""
        if not self.examples(1):
            return 0.0
        n_different: float = len(self.smallest)
        if n_different == N_HASHES:
            n_different = (N_HASHES - 1) / max(self.smallest)
        return max(0.0, 1.0 - n_different / self.n_seen) if self.n_seen else 0.0

    def examples(self, n: int) -> list[tuple[str, int]]:
        """The beginnings of texts that came most often, and how often at least."""
        found = self.frequent | Counter(self.smallest)
        most = sorted(found, key=lambda key: (-found[key], key))[:n]
        return [(self.beginnings[key], found[key]) for key in most if found[key] > 1]


def hash_text(text: str) -> float:
    """In [0, 1)."""
    digest = hashlib.blake2b(text.encode("utf8"), digest_size=7).digest()
    # 52 bits, as many as a float holds exactly.
    return (int.from_bytes(digest, "little") >> 4) / 2**52
