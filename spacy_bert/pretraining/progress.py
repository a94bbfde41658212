"""Rows as spaCy's training prints them, and the same as JSON lines."""

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from .evaluation import Evaluation
from .optimizer import StepResult
from .state import TrainingState

_COLUMNS = {
    "E": 3,
    "#": 7,
    "RATE": 8,
    "MLM": 6,
    "NSP": 6,
    "HELD-OUT": 8,
    "UNIGRAM": 7,
    "ACC %": 6,
    "PPL": 8,
    "NSP %": 6,
    "PIECES/S": 8,
    "LEFT": 7,
}


class Progress:
    """MLM and NSP are mean training losses since the last row; HELD-OUT is the MLM loss
    on held-out text, UNIGRAM what guessing by frequency gives there. The columns of NSP
    are empty in a run without it."""

    def __init__(
        self, path: Path, state: TrainingState, *, write: Callable[[str], None]
    ) -> None:
        """Goes on from a state. Rows of the log at `path` that are later are dropped: a
        run that was killed goes back to its last checkpoint."""
        self._path, self._write = path, write
        self._first_share = state.share
        self._learn_rate = 0.0
        self._start = self._last_step_end = perf_counter()
        self._reset()
        self._drop_rows_after(state.step)
        self._write("  ".join(f"{name:>{w}}" for name, w in _COLUMNS.items()))
        self._write("  ".join("-" * width for width in _COLUMNS.values()))

    def add(self, result: StepResult, learn_rate: float) -> None:
        self._learn_rate = learn_rate
        self._n_steps += 1
        self._mlm_sum += result.mlm_loss
        if result.nsp_loss is not None:
            self._nsp_losses.append(result.nsp_loss)
        self._n_pieces += result.n_pieces
        now = perf_counter()
        self._seconds += now - self._last_step_end
        self._last_step_end = now

    def go_back(self, state: TrainingState) -> None:
        """Forget what is later than `state`."""
        self._reset()
        self._drop_rows_after(state.step)

    def report(self, state: TrainingState, evaluation: Evaluation | None) -> None:
        """Write a row of what came since the last one, and begin anew."""
        row: dict[str, float | int] = {"epoch": state.place.epoch, "step": state.step}
        row["learn_rate"] = self._learn_rate
        if self._n_steps:
            row["mlm_loss"] = self._mlm_sum / self._n_steps
            if self._nsp_losses:
                row["nsp_loss"] = sum(self._nsp_losses) / len(self._nsp_losses)
            row["pieces_per_second"] = self._n_pieces / self._seconds
        if evaluation is not None:
            row["held_out_mlm_loss"] = evaluation.mlm_loss
            row["held_out_unigram_loss"] = evaluation.unigram_loss
            row["held_out_mlm_accuracy"] = evaluation.mlm_accuracy
            row["held_out_perplexity"] = evaluation.perplexity
            if evaluation.nsp is not None:
                row["held_out_nsp_accuracy"] = evaluation.nsp.accuracy
        self._reset()
        with self._path.open("a", encoding="utf8") as log:
            log.write(json.dumps(row) + "\n")
        self._write(self._format(row, state.share))

    def _format(self, row: dict[str, float | int], share: float) -> str:
        def show(key: str, spec: str, factor: float = 1.0) -> str:
            return format(factor * row[key], spec) if key in row else ""

        cells = [
            str(row["epoch"]),
            str(row["step"]),
            show("learn_rate", ".2e"),
            show("mlm_loss", ".3f"),
            show("nsp_loss", ".3f"),
            show("held_out_mlm_loss", ".3f"),
            show("held_out_unigram_loss", ".3f"),
            show("held_out_mlm_accuracy", ".1f", 100),
            show("held_out_perplexity", ".1f"),
            show("held_out_nsp_accuracy", ".1f", 100),
            show("pieces_per_second", ",.0f"),
            self._time_left(share),
        ]
        widths = _COLUMNS.values()
        return "  ".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))

    def _time_left(self, share: float) -> str:
        if share <= self._first_share:
            return ""
        spent = perf_counter() - self._start
        left = spent * (1 - share) / (share - self._first_share)
        minutes, seconds = divmod(int(left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"

    def _reset(self) -> None:
        self._last_step_end = perf_counter()
        self._n_steps = self._n_pieces = 0
        self._mlm_sum = self._seconds = 0.0
        self._nsp_losses: list[float] = []

    def _drop_rows_after(self, step: int) -> None:
        if not self._path.is_file():
            return
        lines = self._path.read_text(encoding="utf8").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        text = "".join(f"{line}\n" for line in kept)
        self._path.write_text(text, encoding="utf8")


def _step_of(line: str) -> float:
    """A line that a kill cut short counts as later than all others."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return float("inf")
