"""A section of a config, a plain dict -> a frozen dataclass, checked on the way."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Section = TypeVar("Section")

_TYPE_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "a boolean"}


def read_section(cls: type[Section], values: Any, *, section: str) -> Section:
    """`cls(**values)`, after the names and the types are checked.

    Raises ValueError where a key is unknown or missing or a value has another type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"Expected [{section}] to be a section, got {values!r}.")
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    check_names(values, known, what="key", where=f"in [{section}]")
    types = get_type_hints(cls)
    missing = [
        name
        for name, field in known.items()
        if field.default is MISSING
        and field.default_factory is MISSING
        and name not in values
    ]
    if missing:
        raise ValueError(
            f"[{section}] lacks {missing[0]!r}. Add a line '{missing[0]} = ...' there."
        )
    return cls(
        **{
            key: _checked(value, types[key], place=f"[{section}] {key}")
            for key, value in values.items()
        }
    )


def check_names(
    names: Iterable[str], known: Iterable[str], *, what: str, where: str
) -> None:
    """Raises ValueError, with the closest known name, where one is unknown."""
    known = sorted(known)
    for name in names:
        if name in known:
            continue
        close = get_close_matches(name, known, n=1)
        advice = f"Did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"Unknown {what} {name!r} {where}. {advice}Known are: {', '.join(known)}."
        )


def expect(is_right: bool, *, place: str, expected: str, got: object) -> None:
    """Raises ValueError with what was expected and what came, unless `is_right`."""
    if not is_right:
        raise ValueError(f"{place}: expected {expected}, got {got!r}.")


def _checked(value: Any, kind: Any, *, place: str) -> Any:
    """The value in the type that the dataclass declares. (1, float) -> 1.0"""
    if get_origin(kind) in (UnionType, Union):
        kinds = [k for k in get_args(kind) if k is not type(None)]
        return None if value is None else _checked(value, kinds[0], place=place)
    if get_origin(kind) is Literal:
        choices = " or ".join(repr(choice) for choice in get_args(kind))
        expect(value in get_args(kind), place=place, expected=choices, got=value)
        return value
    if get_origin(kind) is Mapping:
        is_section = isinstance(value, Mapping)
        expect(is_section, place=place, expected="a section", got=value)
        return dict(value)
    if get_origin(kind) is tuple:
        kinds, expected = list(get_args(kind)), "a list"
        is_list = isinstance(value, list | tuple)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * (len(value) if is_list else 0)
        else:
            is_list = is_list and len(value) == len(kinds)
            expected = f"a list of {len(kinds)} numbers"
        expect(is_list, place=place, expected=expected, got=value)
        return tuple(
            _checked(v, k, place=place) for v, k in zip(value, kinds, strict=True)
        )
    if kind is float and type(value) is int:
        return float(value)
    expect(type(value) is kind, place=place, expected=_TYPE_NAMES[kind], got=value)
    return value
