"""Faults of the input shown as messages, not as stacks."""

from collections.abc import Iterator
from configparser import Error as ConfigParserError
from contextlib import contextmanager
from pathlib import Path

import typer
from click import UsageError
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
    except (ValueError, OSError, ConfigParserError) as error:
        msg.fail(str(error))
        raise typer.Exit(1) from error
    except RuntimeError as error:
        # torch's, on a GPU and on the CPU.
        if not any(said in str(error) for said in ("out of memory", "allocate memory")):
            raise
        msg.fail(
            f"The memory does not suffice: {error}\nTake half the batch_size and twice "
            "the accumulate_gradient, or set recompute = true."
        )
        raise typer.Exit(1) from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raises FileExistsError where there is something already, unless forced."""
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists already. Give another name, or --force.")
