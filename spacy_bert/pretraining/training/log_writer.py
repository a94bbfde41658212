"""What a run reports: steps and evaluations -> rows of the log, of the console and of a
logger of the user's choice."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from ..evaluation import Evaluation
from ..log import LogRow, Row, append_row, keep_rows
from .console import Console
from .machine import Machine
from .optimizer import StepResult
from .state import TrainingState
from .step_size import StepSize

# Gets each row, and None after each step, as spaCy's loggers do.
Logger = Callable[[Row | None], None]

# Between rows, if log_every steps take longer.
MOST_SECONDS = 30.0

_LOSSES = ("mlm_loss", "nsp_loss")
_HELD_OUT = ("mlm_loss", "unigram_loss", "mlm_accuracy", "perplexity")


class LogWriter:
    """Losses are means since the last row; `n_pieces` and `seconds` add up over the
    whole run, `seconds` being spent in steps alone. What is not known has no key."""

    def __init__(
        self,
        path: Path,
        state: TrainingState,
        *,
        machine: Machine,
        origin: Row,
        write: Callable[[str], None],
        logger: Logger | None = None,
    ) -> None:
        """Continues from a state."""
        self._path, self._logger, self._console = path, logger, Console(write)
        self._machine = machine
        self._first_progress = state.progress
        self._learn_rate = 0.0
        # What the next row says in words.
        self._remarks: Row = {"machine": asdict(machine), "origin": origin}
        self._start = self._last_step_end = self._last_row = perf_counter()
        self.roll_back(state, "resumed" if state.step else None)

    def roll_back(self, state: TrainingState, note: str | None) -> None:
        """Drop the rows of the log that are later than `state`, and what came since.

        note: why, for the next row and the report.
        """
        rows = keep_rows(self._path, state.step, LogRow)
        self._n_pieces = rows[-1]["n_pieces"] if rows else 0
        self._seconds = rows[-1]["seconds"] if rows else 0.0
        self._sums: defaultdict[str, float] = defaultdict(float)
        if note:
            self._remarks.setdefault("notes", []).append([state.step, note])
        self.restart_clock()

    def add(self, result: StepResult, size: StepSize, learn_rate: float) -> None:
        """After each step."""
        self._learn_rate = learn_rate
        self._sums["n_steps"] += 1
        self._sums["n_pieces"] += size.n_pieces
        self._sums["flops"] += size.flops
        for name in _LOSSES:
            loss = getattr(result, name)
            if loss is not None:
                self._sums[name] += loss
        now = perf_counter()
        self._sums["seconds"] += now - self._last_step_end
        self._last_step_end = now
        if self._logger:
            self._logger(None)

    def is_due(self) -> bool:
        """Whether the last row was long ago: steps may take seconds, or minutes."""
        return perf_counter() - self._last_row >= MOST_SECONDS

    def report(self, state: TrainingState, evaluation: Evaluation | None) -> None:
        """Write a row of what came since the last one, and count from there."""
        self._n_pieces += int(self._sums["n_pieces"])
        self._seconds += self._sums["seconds"]
        row = {
            "epoch": state.cursor.epoch,
            "step": state.step,
            "progress": state.progress,
            "learn_rate": self._learn_rate,
            "n_pieces": self._n_pieces,
            "seconds": self._seconds,
            **self._since_last_row(),
            **_held_out(evaluation),
            **self._remarks,
        }
        append_row(self._path, row)
        self._console.print_row(row, seconds_left=self._seconds_left(state.progress))
        if self._logger:
            self._logger(row)
        self._remarks = {}
        self._sums.clear()
        self.restart_clock()
        self._last_row = self._last_step_end

    def restart_clock(self) -> None:
        """What was done since the last step, such as saving, is not training."""
        self._last_step_end = perf_counter()

    def _since_last_row(self) -> Row:
        sums = self._sums
        if not sums["n_steps"]:
            return {}
        losses = {
            name: sums[name] / sums["n_steps"] for name in _LOSSES if name in sums
        }
        flops_per_second = sums["flops"] / sums["seconds"]
        return {
            **losses,
            "pieces_per_second": sums["n_pieces"] / sums["seconds"],
            "model_flops_per_second": flops_per_second,
            "mfu": flops_per_second / self._machine.flops_per_second,
        }

    def _seconds_left(self, progress: float) -> float | None:
        if progress <= self._first_progress:
            return None
        spent = perf_counter() - self._start
        return spent * (1 - progress) / (progress - self._first_progress)


def _held_out(evaluation: Evaluation | None) -> Row:
    if evaluation is None:
        return {}
    values = {name: getattr(evaluation, name) for name in _HELD_OUT}
    if evaluation.nsp:
        values["nsp_accuracy"] = evaluation.nsp.accuracy
        values["random_ratio"] = evaluation.nsp.random_ratio
    return {f"held_out_{name}": value for name, value in values.items()}
