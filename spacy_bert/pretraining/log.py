"""Files of JSON rows, one a line, each with the `step` that it was written after."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from ..checked import Count, Fraction, Record, describe_error
from ..folders import replacing_file
from ..writing import writing

Row = dict[str, Any]


class StepRow(Record):
    step: Count


class MachineRecord(Record):
    name: str
    torch: str
    dtype: str
    flops_per_second: float
    n_threads: int
    n_ranks: int


class OriginRecord(Record):
    """date: when the run was started or continued, UTC. command: "" from Python.
    corpus: numbers of what is trained on and held out; unknown_ratio: how many of its
    pieces are [UNK]."""

    date: str
    command: str
    versions: dict[str, str]
    corpus: dict[str, Count]
    unknown_ratio: Fraction


class LogRow(StepRow):
    """A row of `log.jsonl`. A number that was not measured has no key."""

    epoch: Count
    progress: Fraction
    learn_rate: float
    n_pieces: Count
    seconds: float
    mlm_loss: float = 0.0
    nsp_loss: float = 0.0
    pieces_per_second: float = 0.0
    model_flops_per_second: float = 0.0
    mfu: float = 0.0
    held_out_mlm_loss: float = 0.0
    held_out_unigram_loss: float = 0.0
    held_out_mlm_accuracy: float = 0.0
    held_out_perplexity: float = 0.0
    held_out_nsp_accuracy: float = 0.0
    held_out_random_ratio: float = 0.0
    notes: list[tuple[Count, str]] = []
    machine: MachineRecord | None = None
    origin: OriginRecord | None = None

    @model_validator(mode="after")
    def _is_evaluated_whole(self) -> "LogRow":
        """An evaluation gives all numbers of a task, or none."""
        mlm = {"mlm_loss", "unigram_loss", "mlm_accuracy", "perplexity"}
        for names in (mlm, {"nsp_accuracy", "random_ratio"}):
            missing = {f"held_out_{name}" for name in names} - self.model_fields_set
            if 0 < len(missing) < len(names):
                raise ValueError(f"{min(missing)} is missing")
        return self


class Fill(Record):
    text: str
    answer: str | None
    guesses: list[list[tuple[str, float]]]


class FillsRow(StepRow):
    """A row of `fills.jsonl`: what a save answers.

    minimal_pairs: by phenomenon, the share of pairs whose good sentence is likelier;
        minimal_pairs_accuracy: the mean over the paradigms. Neither if none are asked.
    """

    fills: list[Fill]
    minimal_pairs: dict[str, Fraction] = {}
    minimal_pairs_accuracy: Fraction = 0.0


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    with writing(path), path.open("a", encoding="utf8") as file:
        file.write(json.dumps(row) + "\n")


def read_rows(path: Path, kind: type[StepRow] = StepRow) -> list[Row]:
    """Without lines that a kill or a full disk cut short. No file, no rows.

    Raises ValueError, with the file's name, if it holds something else.
    """
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            rows.append(kind.model_validate_json(line).to_dict())
        except ValidationError as error:
            if _is_cut_short(line, error):
                continue
            raise ValueError(
                f"{path}, line {number} is not what a run writes there "
                f"({describe_error(error)}). Move the file away."
            ) from error
    return rows


def keep_rows(path: Path, step: int, kind: type[StepRow] = StepRow) -> list[Row]:
    """Drop rows later than `step`, as a run that was killed rolls back to its last
    checkpoint, and return the others."""
    rows = [row for row in read_rows(path, kind) if row["step"] <= step]
    if path.is_file():
        with replacing_file(path) as new:
            text = "".join(json.dumps(row) + "\n" for row in rows)
            new.write_text(text, encoding="utf8")
    return rows


def _is_cut_short(line: bytes, error: ValidationError) -> bool:
    """Whether it is the beginning of a row, or the zeros of a file that lost power."""
    is_beginning = line.startswith(b"{") and "EOF" in describe_error(error)
    return is_beginning or not line.strip(b" \0")
