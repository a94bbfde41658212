"""The batches of a run, which come again as they came when it is resumed.

spaCy's batches are drawn from generators of functions that users register, so a place
in them can be found in one way only: by drawing them again, from the same random
numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from spacy.training import Example

from .errors import TrainingError
from .fingerprint import fingerprint
from .randomness import RandomState

Batch = tuple[int, list[Example]]


@dataclass
class Drawn:
    """n: batches. fingerprint: of all of them. random_states: those before the draws,
    by number, that took random numbers, such as the first of each epoch."""

    n: int = 0
    fingerprint: int = 0
    random_states: dict[int, RandomState] = field(default_factory=dict)


class Batches(Iterator[Batch]):
    """(epoch, batch) each.

    random_state: of a generator that is for the batches alone; None if they draw from
        the same random numbers as all else does, as in `spacy train`.
    """

    def __init__(
        self,
        make: Callable[[], Iterator[Batch]],
        *,
        random_state: RandomState | None = None,
    ) -> None:
        self._batches = make()
        self._random_state = random_state
        self.drawn = Drawn()

    def __next__(self) -> Batch:
        outside = RandomState.read()
        before = self._random_state or outside
        if self._random_state:
            before.set()
        try:
            epoch, batch = self._draw()
        finally:
            after = RandomState.read()
            if self._random_state:
                self._random_state = after
                outside.set()
        if after != before:
            self.drawn.random_states[self.drawn.n] = before
        self.drawn.n += 1
        return epoch, batch

    def replay(self, drawn: Drawn) -> None:
        """Draw what was drawn before. Random numbers are then used up as they were,
        apart from what was drawn between the batches.

        Raises TrainingError if other batches come.
        """
        outside = RandomState.read()
        try:
            for i in range(drawn.n):
                if i in drawn.random_states:
                    drawn.random_states[i].set()
                self._draw()
                if self._random_state and i in drawn.random_states:
                    self._random_state = RandomState.read()
        except StopIteration:
            pass
        outside.set()
        if self.drawn.fingerprint != drawn.fingerprint:
            raise TrainingError(
                "The training data have changed: expected the batches of the run that "
                "is resumed, got others. Put the data back, or start over with "
                "--overwrite."
            )
        self.drawn = drawn

    def _draw(self) -> Batch:
        epoch, batch = next(self._batches)
        batch = list(batch)
        self.drawn.fingerprint = fingerprint(batch, self.drawn.fingerprint)
        return epoch, batch
