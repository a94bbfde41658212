"""Faults of the input shown as messages, not as stacks."""

from collections.abc import Iterator
from configparser import Error as ConfigParserError
from contextlib import contextmanager

import typer
from click import UsageError
from safetensors import SafetensorError
from wasabi import msg


@contextmanager
def shown_as_messages() -> Iterator[None]:
    """Print what a user can mend, too little memory too, and leave with exit status 1.

    Other exceptions are faults of ours and keep their stack.
    """
    try:
        yield
    except UsageError as error:
        msg.fail(error.format_message())
        raise typer.Exit(2) from error
    except (ValueError, OSError, ConfigParserError, SafetensorError) as error:
        msg.fail(str(error))
        raise typer.Exit(1) from error
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        said = str(error) or "Python got no more of it"
        msg.fail(
            f"The memory does not suffice: {said}\nTake half the batch_size and twice "
            "the accumulate_gradient, or set recompute = true."
        )
        raise typer.Exit(1) from error


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """torch's on a GPU and on the CPU are RuntimeErrors."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or "out of memory" in said
        or "allocate memory" in said
    )
