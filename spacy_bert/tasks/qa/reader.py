"""The reader of questions for a config's [corpora]."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

from spacy import registry
from spacy.language import Language
from spacy.training import Example
from spacy.util import logger

from ...pipeline.config_errors import config_errors, takes_config
from ..reading import Reader, check_arguments, make_examples
from .squad_files import Misplaced, make_question_doc, read_squad


@registry.readers("spacy-bert.SquadReader.v1")
@takes_config
def make_squad_reader(
    path: Path | None,
    limit: int = 0,
    spans_key: str = "answers",
    misplaced: str = "error",
) -> Reader:
    """Questions with their answers, from the JSON of SQuAD or CMRC 2018.

    limit: read only so many; 0 reads all. Otherwise as `read_squad`.
    """
    path = check_arguments(path, limit)

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
        yield from make_examples(
            nlp,
            file.questions,
            partial(make_question_doc, spans_key=spans_key),
            limit,
        )

    return read
