"""The config's [logger], any that spaCy has registered -> a function that gets the rows
of a run's log."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, cast

import spacy
from spacy.language import Language
from spacy.util import registry
from thinc.api import ConfigValidationError

from ..pretraining import PretrainingConfig
from ..pretraining.log import Row
from ..pretraining.training.log_writer import Logger

_LOSSES = {"mlm": "mlm_loss", "nsp": "nsp_loss"}


@contextmanager
def open_logger(
    section: Mapping[str, Any], config: PretrainingConfig
) -> Iterator[Logger | None]:
    """Inside, the logger is set up; afterwards it is finalized, also after a fault.
    None if the section is empty.

    Raises ValueError if it describes no registered logger, or what the logger needs
    is not installed.
    """
    setup_logger = check_logger(section)
    if setup_logger is None:
        yield None
        return
    log_step, finalize = setup_logger(_nlp_with(config), sys.stdout, sys.stderr)
    loss: float | None = None

    def log_row(row: Row | None) -> None:
        nonlocal loss
        if row is not None:
            loss = row.get("held_out_mlm_loss", loss)
        # spaCy's loggers know no row without a score: those that a resumed run has
        # before its first evaluation are left out.
        if row is None or loss is None:
            log_step(None)
        else:
            log_step(_as_info(row, -loss))

    try:
        yield log_row
    finally:
        finalize()


def check_logger(section: Any) -> Callable[..., Any] | None:
    """The logger's function, or None if the section is empty.

    Raises ValueError if it describes no registered logger, or what the logger needs is
    not installed.
    """
    if not section:
        return None
    if not isinstance(section, Mapping) or "@loggers" not in section:
        got = ", ".join(section) if isinstance(section, Mapping) else repr(section)
        raise ValueError(
            '[logger]: expected a line such as @loggers = "spacy.WandbLogger.v5", got '
            f"{got}."
        )
    try:
        resolved = registry.resolve({"logger": dict(section)})
        return cast(Callable[..., Any], resolved["logger"])
    except ConfigValidationError as error:
        messages = [found["msg"] for found in error.errors or ()]
        raise ValueError(f"[logger]: {'; '.join(messages) or error.desc}") from error
    except (ImportError, ValueError) as error:
        raise ValueError(f"[logger]: {error}") from error


def _nlp_with(config: PretrainingConfig) -> Language:
    """A blank pipeline whose config has the settings: loggers show what is in it."""
    training = config.pretraining
    nlp = spacy.blank("xx")
    nlp.config["training"]["max_steps"] = training.max_steps
    nlp.config["training"]["eval_frequency"] = training.eval_every
    nlp.config["corpus"] = asdict(config.corpus)
    nlp.config["vocabulary"] = asdict(config.vocabulary)
    nlp.config["model"] = dict(config.model)
    nlp.config["pretraining"] = asdict(training)
    return nlp


def _as_info(row: Row, score: float) -> Row:
    """What `spacy train` tells its loggers. `score`: minus the last held-out MLM loss,
    as the higher one is the better one."""
    values = {k: v for k, v in row.items() if isinstance(v, int | float)}
    return {
        "epoch": row["epoch"],
        "step": row["step"],
        "seconds": int(row["seconds"]),
        "words": row["n_pieces"],
        "losses": {k: row[key] for k, key in _LOSSES.items() if key in row},
        "score": score,
        "other_scores": values,
        "checkpoints": [],
    }
