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

    limit: read only so many; 0 reads all. Otherwise as `read_pairs`.
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
