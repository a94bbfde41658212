"""What the readers of [corpora] share: arguments, and items of a file -> Examples."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..pipeline.segments import get_pair_separator

Reader = Callable[[Language], Iterator[Example]]
Item = TypeVar("Item")


def check_arguments(path: Path | None, limit: int) -> Path:
    if path is None:
        raise ValueError(
            "[corpora]: expected a path, got None. Give it in the config, or on the "
            "command line, as --paths.train FILE."
        )
    if limit < 0:
        raise ValueError(f"[corpora] limit: expected 0 or more, got {limit}.")
    return Path(path)


def make_examples(
    nlp: Language, items: Iterable[Item], make_doc: Callable[..., Doc], limit: int
) -> Iterator[Example]:
    """Raises ValueError if the pipeline's encoder has no pair_separator."""
    separator = get_pair_separator(nlp)
    for item in islice(items, limit or None):
        reference = make_doc(nlp, item, separator=separator)
        yield Example(nlp.make_doc(reference.text), reference)
