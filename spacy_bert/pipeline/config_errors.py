"""Mistakes in a training config, raised in the form that spaCy's commands print.

`spacy train` and `spacy debug config` show a ConfigValidationError as a message; of any
other exception they show a stack of 30 to 60 lines, with the message at its end.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar

from thinc.api import ConfigValidationError

from ..sections import Mistakes

# What a builder of ours is called with. spaCy does not tell it whose block that is.
BLOCK = "a block of the config"

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS = (int, float, int | None, float | None)


class ConfigFileError(ConfigValidationError, FileNotFoundError):
    """What the config names does not exist. A FileNotFoundError too, for scripts."""


def takes_config(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator for everything of ours that spaCy calls with values of a config:
    builders of models, factories, `initialize`, readers. See `config_errors`."""
    arguments = signature(function)
    numbers = [
        name
        for name, parameter in arguments.parameters.items()
        if parameter.annotation in _NUMBERS
    ]

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with config_errors():
            # spaCy lets text through that pydantic could make a number of: a config
            # has text where a number has no leading zero, such as .1
            mistakes = Mistakes()
            for name in numbers:
                value = kwargs.get(name)
                mistakes.expect(
                    not isinstance(value, str),
                    setting=name,
                    expected="a number, such as 2 or 0.1",
                    got=value,
                )
            mistakes.raise_any(BLOCK)
            return function(*args, **kwargs)

    # spaCy asks for the arguments without looking behind a wrapper.
    called.__signature__ = arguments  # type: ignore[attr-defined]
    return called


@contextmanager
def config_errors() -> Iterator[None]:
    """Raise a ValueError or OSError from inside as a ConfigValidationError, which is a
    ValueError."""
    try:
        yield
    except ConfigValidationError:
        raise
    except FileNotFoundError as error:
        raise ConfigFileError(desc=str(error)) from error
    except (ValueError, OSError) as error:
        raise ConfigValidationError(desc=str(error)) from error
