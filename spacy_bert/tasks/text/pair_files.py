"""Files of pairs of texts, one a row -> Docs of two segments with doc.cats."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ...pipeline.segments import make_pair_doc
from .record_files import read_records


@dataclass(frozen=True, kw_only=True)
class Pair:
    """cats: of a label, 1.0 for it and 0.0 for the others; of a score, its column and
    value."""

    first: str
    second: str
    cats: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class PairFile:
    """n_skipped: lines left out for their label."""

    pairs: list[Pair]
    n_skipped: int


def read_pairs(
    path: Path,
    *,
    first: str,
    second: str,
    label: str | None = None,
    score: str | None = None,
    labels: Sequence[str] = (),
    skip_labels: Collection[str] = (),
) -> PairFile:
    """The pairs of a .jsonl (or .json), .csv or .tsv (or .txt) file, in its order.

    first, second, label, score: columns by name; one of label and score, or neither.
    labels: all there are; by default those of the file.
    skip_labels: lines with such a label are left out, as "-", which says that its
        annotators did not agree.

    Raises ValueError, with the line, if a column, a label or a number is missing, and
    if the file is not as `read_records` expects.
    """
    if label is not None and score is not None:
        raise ValueError(
            f"Expected a label column or a score column, got both: {label!r} and "
            f"{score!r}."
        )
    columns = [name for name in (first, second, label, score) if name is not None]
    if len(set(columns)) < len(columns):
        raise ValueError(f"Expected different columns, got {', '.join(columns)}.")
    if isinstance(labels, str) or isinstance(skip_labels, str):
        raise ValueError(
            f"Expected lists of labels, got the texts {labels!r} and {skip_labels!r}."
        )
    rows = []
    n_skipped = 0
    for line, record in read_records(path):
        values = _pick(record, columns, where=f"{path}, line {line}")
        if label is not None and values[label] in skip_labels:
            n_skipped += 1
        else:
            rows.append((line, values))
    if not rows:
        raise ValueError(f"{path}: expected pairs, found none.")
    known = list(labels)
    if label is not None and not known:
        known = sorted({values[label] for _, values in rows} - {""})
    pairs = []
    for line, values in rows:
        cats: dict[str, float] = {}
        if label is not None:
            _check_label(values[label], known, where=f"{path}, line {line}")
            cats = {name: float(name == values[label]) for name in known}
        elif score is not None:
            cats = {score: _read_score(values[score], where=f"{path}, line {line}")}
        pairs.append(Pair(first=values[first], second=values[second], cats=cats))
    return PairFile(pairs=pairs, n_skipped=n_skipped)


def make_labelled_doc(
    nlp: Language, pair: Pair, *, separator: str | None = None
) -> Doc:
    """A pair Doc with doc.cats; separator: as `make_pair_doc` takes it."""
    doc = make_pair_doc(nlp, pair.first, pair.second, separator=separator)
    doc.cats = dict(pair.cats)
    return doc


def _pick(
    record: Mapping[str, object], columns: Sequence[str], *, where: str
) -> dict[str, str]:
    """The columns as texts."""
    missing = [name for name in columns if record.get(name) is None]
    if missing:
        raise ValueError(
            f"{where}: expected the columns {', '.join(_shown(columns))}; there is no "
            f"{' and no '.join(_shown(missing))} among {', '.join(record)}. Name the "
            "columns of this file with first, second, and label or score (in commands "
            "--first, --second, --label, --score)."
        )
    for name in columns:
        value = record[name]
        if not isinstance(value, str | int | float):
            raise ValueError(
                f"{where}: expected a text or a number in the column {name}; got "
                f"{value!r}."
            )
    values = {name: str(record[name]) for name in columns}
    try:
        "".join(values.values()).encode("utf8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{where}: expected whole characters: {error}.") from error
    return values


def _shown(names: Sequence[str]) -> list[str]:
    return [name or "''" for name in names]


def _check_label(label: str, known: Collection[str], *, where: str) -> None:
    if not label or label not in known:
        raise ValueError(
            f"{where}: expected a label out of {', '.join(known)}; got {label!r}. "
            "Lines can be left out by their label (skip_labels, or --skip-label)."
        )


def _read_score(text: str, *, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(f"{where}: expected a number, got {text!r}.")
    return score
