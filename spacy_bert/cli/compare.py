"""`spacy bert compare`: what `spacy evaluate --output` wrote -> one table."""

from pathlib import Path
from typing import Any

from spacy.cli._util import Arg
from wasabi import msg

# What spaCy's scorers call a head's main score -> how the table names it.
SCORES = {
    "cats_macro_f": "textcat macro F",
    "ents_f": "ner F",
    "spans_sc_f": "spancat F",
    "answers_em": "extractive_qa exact match",
    "answers_f": "extractive_qa F1",
    "cats_pearson": "text_regressor Pearson",
    "cats_spearman": "text_regressor Spearman",
    "tag_acc": "tagger accuracy",
    "dep_las": "parser LAS",
    "speed": "words/s",
}


def compare_cli(
    metrics: list[Path] = Arg(..., help="JSON files of 'spacy evaluate --output'"),
) -> None:
    """Print the scores of several pipelines side by side.

    Each file, from the same data, is a column, named after the file.
    """
    from .errors import shown_as_messages

    with shown_as_messages():
        columns = [_read(path) for path in metrics]
        rows = [
            (name, *(_shown(key, column.get(key)) for column in columns))
            for key, name in SCORES.items()
            if any(column.get(key) is not None for column in columns)
        ]
        header = ("", *(path.stem for path in metrics))
        aligns = ("l", *("r" for _ in metrics))
        msg.table(rows, header=header, aligns=aligns, divider=True)


def _read(path: Path) -> dict[str, Any]:
    from ..tokenization import read_settings

    scores = read_settings(path)
    if not SCORES.keys() & scores.keys():
        raise ValueError(
            f"{path}: expected what 'spacy evaluate --output' writes, with one of "
            f"{', '.join(SCORES)}."
        )
    return scores


def _shown(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if key == "speed" else f"{100 * value:.1f}"
