"""Readers for a config's [corpora]: files of questions or of pairs -> Examples."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar, cast

from spacy import registry
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import logger

from ..pipeline.config_errors import config_errors, takes_config
from ..pipeline.segments import get_pair_separator
from .pair_files import make_labelled_doc, read_pairs
from .squad_files import Misplaced, make_question_doc, read_squad

Reader = Callable[[Language], Iterator[Example]]
Item = TypeVar("Item")


@registry.readers("spacy-bert.SquadReader.v1")
@takes_config
def make_squad_reader(
    path: Path | None,
    limit: int = 0,
    spans_key: str = "answers",
    misplaced: str = "error",
) -> Reader:
    """Questions with their answers, from the JSON of SQuAD or CMRC 2018.

    limit: read only so many; 0 reads all.
    spans_key: the group of doc.spans that gets the answers.
    misplaced: "error" if an answer whose text is not in the context at its offset ends
        the reading; "skip" if such answers are left out, with a warning.
    """
    path = _check_arguments(path, limit)

    def read(nlp: Language) -> Iterator[Example]:
        with config_errors():
            file = read_squad(path, misplaced=cast(Misplaced, misplaced))
        if file.n_misplaced:
            logger.warning(
                "%s: %d answers are not in their context at their offset; %d questions "
                "without another answer are left out.",
                path,
                file.n_misplaced,
                file.n_skipped,
            )
        yield from _make_examples(
            nlp,
            file.questions,
            partial(make_question_doc, spans_key=spans_key),
            limit,
        )

    return read


@registry.readers("spacy-bert.PairReader.v1")
@takes_config
def make_pair_reader(
    path: Path | None,
    first: str,
    second: str,
    label: str | None = None,
    score: str | None = None,
    limit: int = 0,
    labels: Sequence[str] = (),
    skip_labels: Sequence[str] = (),
) -> Reader:
    """Pairs of texts with doc.cats, from JSONL, CSV or TSV.

    first, second: the columns of the two texts.
    label, score: the column of a class or of a number; one of them, or neither.
    limit: read only so many; 0 reads all.
    labels: all classes; by default those of the file.
    skip_labels: lines with such a class are left out, such as "-", which says that
        annotators did not agree.
    """
    path = _check_arguments(path, limit)

    def read(nlp: Language) -> Iterator[Example]:
        with config_errors():
            file = read_pairs(
                path,
                first=first,
                second=second,
                label=label,
                score=score,
                labels=labels,
                skip_labels=skip_labels,
            )
        if file.n_skipped:
            logger.warning(
                "%s: %d pairs are left out for their label.", path, file.n_skipped
            )
        yield from _make_examples(nlp, file.pairs, make_labelled_doc, limit)

    return read


def _check_arguments(path: Path | None, limit: int) -> Path:
    if path is None:
        raise ValueError(
            "[corpora]: expected a path, got None. Give it in the config, or on the "
            "command line, as --paths.train FILE."
        )
    if limit < 0:
        raise ValueError(f"[corpora] limit: expected 0 or more, got {limit}.")
    return Path(path)


def _make_examples(
    nlp: Language, items: Iterable[Item], make_doc: Callable[..., Doc], limit: int
) -> Iterator[Example]:
    """Raises ValueError if the pipeline's encoder has no pair_separator."""
    separator = get_pair_separator(nlp)
    for item in islice(items, limit or None):
        reference = make_doc(nlp, item, separator=separator)
        yield Example(nlp.make_doc(reference.text), reference)
