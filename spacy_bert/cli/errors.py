"""Errors that the user can fix, shown as messages and not as stacks."""

from collections.abc import Iterator
from configparser import Error as ConfigParserError
from contextlib import contextmanager
from textwrap import fill

import typer
from click import UsageError
from safetensors import SafetensorError
from wasabi import msg

_LESS_MEMORY = "Take a smaller model or shorter texts, or a machine with more memory."


_MISTAKES = (ValueError, OSError, ConfigParserError, SafetensorError)


@contextmanager
def shown_as_messages(
    *,
    if_memory_lacks: str = _LESS_MEMORY,
    mistakes: tuple[type[Exception], ...] = _MISTAKES,
) -> Iterator[None]:
    """Print errors that the user can fix (out of memory included) and exit with status
    1. Other exceptions are faults of ours and keep their stack.

    if_memory_lacks: what to do then. mistakes: fewer, where functions of the user run.
    """
    try:
        yield
    except UsageError as error:
        msg.fail(error.format_message())
        raise typer.Exit(2) from error
    except mistakes as error:
        _print_mistakes(error)
        raise typer.Exit(1) from error
    except (RuntimeError, MemoryError) as error:
        # torch's, on a GPU and on the CPU.
        is_torch = any(said in str(error) for said in ("out of memory", "allocate mem"))
        if not (is_torch or isinstance(error, MemoryError)):
            raise
        msg.fail(f"Not enough memory. {error}", if_memory_lacks)
        raise typer.Exit(1) from error


def _print_mistakes(error: Exception) -> None:
    """Several, each on lines of its own."""
    mistakes = getattr(error, "mistakes", ())
    if len(mistakes) < 2:
        msg.fail(str(error))
        return
    msg.fail(f"{len(mistakes)} mistakes in the config:")
    for mistake in mistakes:
        lines = fill(
            mistake.message,
            width=80,
            initial_indent="- ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        print(lines)
