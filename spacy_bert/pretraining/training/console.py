"""A table that grows, as spaCy's training prints it: rows of the log -> lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..log import Row


@dataclass(frozen=True)
class _Column:
    name: str
    width: int
    key: str
    spec: str

    def format(self, row: Row) -> str:
        text = format(row[self.key], self.spec) if self.key in row else ""
        return f"{text:>{self.width}}"


_LEFT = _Column("LEFT", 8, "left", "")
_COLUMNS = (
    _Column("E", 3, "epoch", "d"),
    _Column("#", 7, "step", "d"),
    _Column("RATE", 8, "learn_rate", ".2e"),
    _Column("MLM", 6, "mlm_loss", ".3f"),
    _Column("NSP", 6, "nsp_loss", ".3f"),
    _Column("HELD-OUT", 8, "held_out_mlm_loss", ".3f"),
    _Column("UNIGRAM", 7, "held_out_unigram_loss", ".3f"),
    _Column("ACC", 6, "held_out_mlm_accuracy", ".1%"),
    _Column("PPL", 8, "held_out_perplexity", ".1f"),
    _Column("NSP ACC", 7, "held_out_nsp_accuracy", ".1%"),
    _Column("PIECES/S", 9, "pieces_per_second", ",.0f"),
    _Column("PEAK", 5, "peak_share", ".0%"),
    _LEFT,
)
_NEXT_SENTENCE = {"nsp_loss", "held_out_nsp_accuracy"}


class Console:
    """MLM and NSP are mean training losses since the last row; HELD-OUT is the MLM loss
    on held-out text, UNIGRAM what guessing by frequency gives there; PEAK is the share
    of the machine's rate of matrix products that the model's own ones reach."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._columns: Sequence[_Column] = ()

    def print_row(self, row: Row, *, seconds_left: float | None) -> None:
        if not self._columns:
            self._print_header(row)
        if seconds_left is not None:
            row = {**row, _LEFT.key: format_time(seconds_left)}
        self._write("  ".join(column.format(row) for column in self._columns))

    def _print_header(self, row: Row) -> None:
        # A run without a next-sentence task has no columns for it.
        unknown = set() if _NEXT_SENTENCE & row.keys() else _NEXT_SENTENCE
        self._columns = [c for c in _COLUMNS if c.key not in unknown]
        self._write("  ".join(f"{c.name:>{c.width}}" for c in self._columns))
        self._write("  ".join("-" * c.width for c in self._columns))


def format_time(seconds: float) -> str:
    """3725.0 -> "1:02:05" """
    minutes, whole_seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole_seconds:02}"
