"""Fuzzing: valid inputs with one to three changed fields -> how many were taken.

What a reader does not take it must refuse with a ValueError or an OSError that says
what is wrong. Any other exception, and a reader that does not end, is a fault.
"""

import copy
import math
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# How many inputs: a fixed sample, and all.
AMOUNTS = [
    pytest.param(500, marks=pytest.mark.slow),
    pytest.param(5000, marks=pytest.mark.long),
]

# Seconds for one input.
_LIMIT = 10

_STRANGE = [
    *(None, True, False, -1, 0, 1, 2, 3, 64, 10**9, 10**30, -(10**30)),
    *(0.5, -0.5, 1e-9, 1e300, math.nan, math.inf, -math.inf),
    *("", "x", "1", "\x00", "é" * 50, [], [1], [[]], ["x", None], {}, {"x": 1}),
]

Read = Callable[[Any], object]


class Endless(BaseException):
    """No Exception, so that nothing takes it for a refusal."""


def fuzz(
    changed: st.SearchStrategy, read: Read, *, n_inputs: int, names: str
) -> Counter[str]:
    """Give each input to `read`, and return how many it "took" and "refused".

    names: what each refusal must have in its message. Raises what `read` raises, if it
    is not a refusal, with the smallest input that was found.
    """
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=n_inputs,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(changed)
    def attempt(value: Any) -> None:
        try:
            with _time_limit():
                read(value)
        except (ValueError, OSError) as error:
            assert names in str(error), f"which input is refused? {error!r}"
            outcomes["refused"] += 1
        else:
            outcomes["taken"] += 1

    attempt()
    return outcomes


def expect_both(outcomes: Counter[str]) -> None:
    """A third of the inputs at least is taken, and a third refused: what is always
    refused at the door tests nothing behind it."""
    print(dict(outcomes))
    assert min(outcomes["taken"], outcomes["refused"]) >= outcomes.total() / 3, outcomes


@st.composite
def changed_trees(draw: st.DrawFn, valid: Any) -> Any:
    """A tree of dicts and lists, as JSON has it, with one to three changes."""
    tree = copy.deepcopy(valid)
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        parents = list(_parents(tree))
        if not parents:
            break
        parent, key = draw(st.sampled_from(parents))
        change = draw(
            st.sampled_from([_nudge, _nudge, _nudge, _strange, _remove, _add])
        )
        change(draw, parent, key)
    return tree


@st.composite
def changed_bytes(draw: st.DrawFn, folder: Path, names: list[str]) -> tuple[str, bytes]:
    """One of the files with one to three flipped bits, or its last byte cut off."""
    name = draw(st.sampled_from(names))
    content = bytearray((folder / name).read_bytes())
    for _ in range(draw(st.integers(1, 3))):
        content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
    cut = draw(st.sampled_from([len(content), len(content), len(content) - 1]))
    return name, bytes(content[:cut])


def _parents(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each value of the tree, as what holds it and the key there."""
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _parents(tree[key])


def _nudge(draw: st.DrawFn, parent: Any, key: Any) -> None:
    """Another value of the same type, near the old one."""
    value = parent[key]
    if isinstance(value, bool):
        parent[key] = not value
    elif isinstance(value, int):
        parent[key] = draw(st.sampled_from([value + 1, value - 1, 2 * value]))
    elif isinstance(value, float):
        parent[key] = value * draw(st.sampled_from([0.5, 0.9, 1.1]))
    elif isinstance(value, str):
        parent[key] = draw(st.sampled_from([value.upper(), value[1:], value + "x"]))
    elif isinstance(value, list):
        parent[key] = draw(st.sampled_from([value[1:], value + value[:1]]))


def _strange(draw: st.DrawFn, parent: Any, key: Any) -> None:
    # A copy, as the next change may go into it.
    parent[key] = copy.deepcopy(draw(st.sampled_from(_STRANGE)))


def _remove(draw: st.DrawFn, parent: Any, key: Any) -> None:
    del parent[key]


def _add(draw: st.DrawFn, parent: Any, key: Any) -> None:
    """A value that is there already, under another name."""
    if isinstance(parent, dict):
        parent[f"{key}_x"] = copy.deepcopy(parent[key])
    else:
        parent.insert(key, copy.deepcopy(parent[key]))


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Endless(f"an input takes more than {_LIMIT} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
