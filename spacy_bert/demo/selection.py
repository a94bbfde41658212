"""All Docs of one side -> those that are kept: balanced, none said twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spacy.tokens import Doc

from .docs import Candidate

MAX_SHARE = 0.25
MIN_SHARE = 0.05


def select(
    candidates: Mapping[str, Iterable[Candidate]], n_wanted: int, seen: set[str]
) -> dict[str, list[Doc]]:
    """By package, the first Docs that are no copies; `seen` grows by what they say."""
    limit = int(n_wanted * MAX_SHARE)
    fresh = {name: _fresh(pool, seen, limit) for name, pool in candidates.items()}
    numbers = share_out({name: len(docs) for name, docs in fresh.items()}, n_wanted)
    return {name: fresh[name][: numbers[name]] for name in candidates}


def share_out(available: Mapping[str, int], n_wanted: int) -> dict[str, int]:
    """Equal shares as far as they are there; rare classes limit the total."""
    fewest = min(available.values(), default=0)
    n_wanted = min(n_wanted, int(fewest / MIN_SHARE))
    limit = int(n_wanted * MAX_SHARE)
    numbers = dict.fromkeys(available, 0)
    names = sorted(available, key=lambda name: (available[name], name))
    left = n_wanted
    for index, name in enumerate(names):
        share = left // (len(names) - index)
        numbers[name] = min(available[name], share, limit)
        left -= numbers[name]
    return numbers


def _fresh(pool: Iterable[Candidate], seen: set[str], limit: int) -> list[Doc]:
    kept: list[Doc] = []
    for candidate in pool:
        n_known = sum(key in seen for key in candidate.keys)
        if n_known * 3 > len(candidate.keys):  # more than a third was said before
            continue
        seen.update(candidate.keys)
        kept.append(candidate.doc)
        if len(kept) == limit:
            break
    return kept
