"""The reader of pairs of texts for a config's [corpora]."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from spacy import registry
from spacy.language import Language
from spacy.training import Example
from spacy.util import logger

from ...pipeline.config_errors import config_errors, takes_config
from ..reading import Reader, check_arguments, make_examples
from .pair_files import make_labelled_doc, read_pairs


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
    path = check_arguments(path, limit)

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
        yield from make_examples(nlp, file.pairs, make_labelled_doc, limit)

    return read
