"""Whether a run goes on as it began: the same config, and the same data."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import dict_to_dot

from .errors import TrainingError
from .fingerprint import fingerprint
from .randomness import RandomState

Corpus = Callable[[Language], Iterable[Example]]

# What touches none of the steps that were done, and variables that stand for it: with
# another max_steps a schedule follows the new one from there on. Whether the data are
# the same is seen from the data.
_FREE = (
    "paths.",
    "training.max_steps",
    "training.max_epochs",
    "training.patience",
    "training.logger",
    "training.gpu_allocator",
    "system.gpu_allocator",
)


def check_config(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raises TrainingError if a setting is not that of the run that is resumed."""
    old, new = dict_to_dot(before), dict_to_dot(now)
    changed = [
        f"{key}: expected {old.get(key)!r}, got {new.get(key)!r}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and not _is_free(key, old.get(key))
    ]
    if changed:
        listed = "\n- ".join(changed)
        raise TrainingError(
            f"The config is not that of the run that is resumed:\n- {listed}\n"
            "Set it back, or start over with --overwrite."
        )


def _is_free(key: str, value: object) -> bool:
    # A path that is not in [paths].
    return key.startswith(_FREE) or (
        key.startswith("corpora.") and key.endswith("path") and isinstance(value, str)
    )


class WatchedCorpus:
    """A corpus for evaluation, and the fingerprint of what it gave the last time."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.fingerprint: int | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        found = 0
        for example in self._corpus(nlp):
            found = fingerprint([example], found)
            yield example
        self.fingerprint = found

    def check(self, nlp: Language, expected: int | None) -> None:
        """Raises TrainingError if it gives other examples. Takes no random numbers."""
        before = RandomState.read()
        for _ in self(nlp):
            pass
        before.set()
        if expected is not None and self.fingerprint != expected:
            raise TrainingError(
                "The development data have changed: expected those of the run that is "
                "resumed, got others. Put them back, or start over with --overwrite."
            )
