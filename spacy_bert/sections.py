"""A section of a config, a plain dict -> a frozen dataclass, checked on the way.

All mistakes are reported together, so that a config takes one attempt and not one for
each of them.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import partial
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Section = TypeVar("Section")
Value = TypeVar("Value")

_TYPE_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "a boolean"}


@dataclass(frozen=True)
class Mistake:
    """`keys`: those that the message is about, such as "[corpus] path"; the first one
    is to be changed. The others only matter if they are right themselves."""

    message: str
    keys: tuple[str, ...] = ()


class MistakesError(ValueError):
    """Everything that is wrong with a config, or with the part of it in `where`."""

    def __init__(self, mistakes: Sequence[Mistake], where: str = "the config") -> None:
        self.mistakes, self._where = tuple(mistakes), where
        messages = [mistake.message for mistake in mistakes]
        if len(messages) > 1:
            found = "\n- ".join(messages)
            messages = [f"{len(messages)} mistakes in {where}:\n- {found}"]
        super().__init__(*messages)

    def __reduce__(self) -> tuple[type, tuple[Sequence[Mistake], str]]:
        # By its arguments, which are not `args`: other processes raise it too.
        return type(self), (self.mistakes, self._where)


class Mistakes:
    """Collects mistakes, and raises them as one error."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []

    def expect(
        self,
        is_right: bool,
        *,
        setting: str,
        expected: str,
        got: object,
        needs: Iterable[str] = (),
        advice: str = "",
    ) -> None:
        """Note what was expected, what came and what to do, unless `is_right`.

        needs: other keys that were compared. If one of them is wrong, so may be this
        comparison, and it is left out.
        """
        if not is_right:
            message = f"{setting}: expected {expected}, got {got!r}. {advice}".rstrip()
            self.add(Mistake(message, (setting, *needs)))

    def add(self, mistake: Mistake) -> None:
        wrong = {found.keys[0] for found in self._found if found.keys}
        if wrong.isdisjoint(mistake.keys):
            self._found.append(mistake)

    def add_all(self, error: MistakesError) -> None:
        for mistake in error.mistakes:
            self.add(mistake)

    def collect(self, read: Callable[[], Value], *keys: str) -> Value | None:
        """What `read` returns, or None if it raises ValueError or OSError, which is
        noted. keys: see `Mistake`."""
        try:
            return read()
        except MistakesError as error:
            self.add_all(error)
        except (ValueError, OSError) as error:
            self.add(Mistake(str(error), keys))
        return None

    def raise_any(self, where: str = "the config") -> None:
        """Raises MistakesError if there are any."""
        if self._found:
            raise MistakesError(self._found, where)


def read_section(cls: type[Section], values: Any, *, section: str) -> Section:
    """`cls(**values)`, after the names and the types are checked.

    Raises MistakesError, a ValueError, with all keys that are unknown or missing and
    all values that are of another type or that `cls` refuses.
    """
    mistakes = Mistakes()
    made = read_right_keys(cls, values, section=section, mistakes=mistakes)
    mistakes.raise_any()
    assert made is not None
    return made


def read_right_keys(
    cls: type[Section], values: Any, *, section: str, mistakes: Mistakes
) -> Section | None:
    """As `read_section`, but mistakes are noted. Keys that are wrong have their
    defaults, so that the others can be compared with those of other sections.

    section: its name; "" if it is not known, as in what spaCy calls with a block.

    Returns None if a key without a default is wrong.
    """
    if not isinstance(values, Mapping):
        message = f"Expected [{section}] to be a section, got {values!r}."
        mistakes.add(Mistake(message))
        return None
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    mistakes.collect(
        lambda: check_names(values, known, what="key", where=f"in [{section}]")
    )
    types = get_type_hints(cls)
    right = {}
    for name, field in known.items():
        setting = _setting_name(section, name)
        if name in values:
            try:
                right[name] = _checked(values[name], types[name], setting=setting)
            except MistakesError as error:
                mistakes.add_all(error)
        elif field.default is MISSING and field.default_factory is MISSING:
            message = f"[{section}] lacks {name!r}. Add a line '{name} = ...' there."
            mistakes.add(Mistake(message, (setting,)))
    return _make(cls, right, section, mistakes)


def _make(
    cls: type[Section], values: dict[str, Any], section: str, mistakes: Mistakes
) -> Section | None:
    """`cls(**values)` without the values that it refuses, which are noted."""
    try:
        return cls(**values)
    except MistakesError as error:
        found = error.mistakes
    except ValueError as error:
        # The class knows no sections: its messages begin with the key, and name
        # those that it was compared with.
        name, *words = re.findall(r"\w+", str(error))
        keys = [name, *(f.name for f in fields(cls) if f.name in words)]  # type: ignore[arg-type]
        message = _setting_name(section, str(error))
        found = (Mistake(message, tuple(_setting_name(section, key) for key in keys)),)
    except TypeError:
        # A key without a default is missing, which is noted already.
        return None
    refused: set[str] = set()
    for mistake in found:
        mistakes.add(mistake)
        refused.update(mistake.keys[:1])
    kept = {k: v for k, v in values.items() if _setting_name(section, k) not in refused}
    return _make(cls, kept, section, mistakes) if len(kept) < len(values) else None


def _setting_name(section: str, key: str) -> str:
    return f"[{section}] {key}" if section else key


def check_names(
    names: Iterable[str], known: Iterable[str], *, what: str, where: str
) -> None:
    """Raises MistakesError, a ValueError, with the closest known name for each name
    that is unknown."""
    known = sorted(known)
    mistakes = Mistakes()
    for name in names:
        if name not in known:
            advice = closest(name, known)
            listed = f"Known are: {', '.join(known)}." if known else "There are none."
            mistakes.add(Mistake(f"Unknown {what} {name!r} {where}. {advice}{listed}"))
    mistakes.raise_any()


def check_types(
    values: Mapping[str, Any], types: Mapping[str, Any], *, section: str
) -> None:
    """Raises MistakesError, a ValueError, with all values that are not of their type.
    Types that are not among those of a config, such as a function's own, are left out.
    """
    mistakes = Mistakes()
    for name, value in values.items():
        kind = types.get(name)
        if len({*get_args(kind), kind} & {*_TYPE_NAMES}) == 1:
            check = partial(_checked, value, kind, setting=_setting_name(section, name))
            mistakes.collect(check)
    mistakes.raise_any()


def closest(name: str, known: Iterable[str]) -> str:
    """ "lern_rate" -> "Did you mean 'learn_rate'? "; nothing if no name is like it."""
    close = get_close_matches(str(name), list(known), n=1)
    return f"Did you mean {close[0]!r}? " if close else ""


def expect(is_right: bool, *, setting: str, expected: str, got: object) -> None:
    """Raises MistakesError, a ValueError, with what was expected and what came, unless
    `is_right`."""
    mistakes = Mistakes()
    mistakes.expect(is_right, setting=setting, expected=expected, got=got)
    mistakes.raise_any()


def _checked(value: Any, kind: Any, *, setting: str) -> Any:
    """The value in the type that the dataclass declares. (1, float) -> 1.0"""
    if get_origin(kind) in (UnionType, Union):
        kinds = [k for k in get_args(kind) if k is not type(None)]
        return None if value is None else _checked(value, kinds[0], setting=setting)
    if get_origin(kind) is Literal:
        choices = " or ".join(repr(choice) for choice in get_args(kind))
        expect(value in get_args(kind), setting=setting, expected=choices, got=value)
        return value
    if get_origin(kind) is Mapping:
        is_section = isinstance(value, Mapping)
        expect(is_section, setting=setting, expected="a section", got=value)
        return dict(value)
    if get_origin(kind) is tuple:
        kinds, expected = list(get_args(kind)), "a list"
        is_list = isinstance(value, list | tuple)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * (len(value) if is_list else 0)
        else:
            is_list = is_list and len(value) == len(kinds)
            expected = f"a list of {len(kinds)} numbers"
        expect(is_list, setting=setting, expected=expected, got=value)
        return tuple(
            _checked(v, k, setting=setting) for v, k in zip(value, kinds, strict=True)
        )
    if kind is float and type(value) in (int, float):
        is_finite = abs(value) <= sys.float_info.max
        expect(is_finite, setting=setting, expected="a finite number", got=value)
        return float(value)
    expect(type(value) is kind, setting=setting, expected=_TYPE_NAMES[kind], got=value)
    return value
