"""A table that grows, as spaCy's training prints it: rows of the log -> lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..log import Row
from ..report.numbers import format_time


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
# With a space between them 78 columns of text. What has no room here is in log.jsonl.
_COLUMNS = (
    _Column("EPOCH", 5, "epoch", "d"),
    _Column("STEP", 6, "step", "d"),
    _Column("RATE", 7, "learn_rate", ".1e"),
    _Column("TRAIN", 6, "mlm_loss", ".3f"),
    _Column("HELD-OUT", 8, "held_out_mlm_loss", ".3f"),
    _Column("GUESS", 6, "held_out_unigram_loss", ".3f"),
    _Column("MLM %", 5, "held_out_mlm_accuracy", ".1%"),
    _Column("NSP %", 5, "held_out_nsp_accuracy", ".1%"),
    _Column("PIECES/S", 8, "pieces_per_second", ",.0f"),
    _Column("MFU", 4, "mfu", ".0%"),
    _LEFT,
)
_NEXT_SENTENCE = {"nsp_loss", "held_out_nsp_accuracy"}

LEGEND = """\
MLM losses: TRAIN since the last row; HELD-OUT on held-out text; GUESS if each
piece there is guessed by its frequency. MLM %, NSP %: masked pieces and pairs
that are right there. MFU: the fraction of the machine's speed that is used."""


class Console:
    """LEGEND says what the columns are."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._columns: Sequence[_Column] = ()

    def print_row(self, row: Row, *, seconds_left: float | None) -> None:
        if not self._columns:
            self._print_header(row)
        if seconds_left is not None:
            row = {**row, _LEFT.key: format_time(seconds_left)}
        self._write(" ".join(column.format(row) for column in self._columns))

    def _print_header(self, row: Row) -> None:
        # A run without a next-sentence task has no columns for it.
        unknown = set() if _NEXT_SENTENCE & row.keys() else _NEXT_SENTENCE
        self._columns = [c for c in _COLUMNS if c.key not in unknown]
        self._write(LEGEND)
        self._write(" ".join(f"{c.name:>{c.width}}" for c in self._columns))
        self._write(" ".join("-" * c.width for c in self._columns))
