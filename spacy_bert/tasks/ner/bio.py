"""BIO tags: entities of a Doc <-> one tag a token, and which tag may follow which.

White space has no tag: BERT does not see it, and no entity begins or ends with it. An
entity continues across it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# The first token, the one after the last, the label.
Entity = tuple[int, int, str]

OUTSIDE = 0


@dataclass(frozen=True)
class BioTags:
    """The tags of some labels.

    ("LOC", "PER") -> O 0, B-LOC 1, I-LOC 2, B-PER 3, I-PER 4.
    """

    labels: tuple[str, ...]

    @property
    def n_tags(self) -> int:
        return 1 + 2 * len(self.labels)

    def begin(self, label: str) -> int:
        """Raises ValueError if the label is not one of these."""
        if label not in self.labels:
            raise ValueError(
                f"Expected entities with labels out of {', '.join(self.labels)}; got "
                f"{label!r}. Add it with add_label({label!r}), or initialize the "
                "component with examples of every label, or with labels = [...] in its "
                "block of [initialize.components]."
            )
        return 1 + 2 * self.labels.index(label)

    def allowed_start_transitions(self) -> Tensor:
        """A sequence does not begin with I. bool, (n_tags,)"""
        return ~self._is_inside()

    def allowed_transitions(self) -> Tensor:
        """I-X comes after B-X and I-X only. bool, (n_tags, n_tags): from, to."""
        tags = torch.arange(self.n_tags, device="cpu")
        distance = tags - tags[:, None]
        continues = (distance == 0) | (distance == 1)
        return continues | ~self._is_inside()

    def possible_tags(
        self, biluo: Sequence[str | None], is_space: Iterable[bool]
    ) -> NDArray[np.bool_]:
        """What BILUO tags say of the tokens that are not white space.

        biluo: one a token, None or "-" if it is not known.
        Returns (n_tokens less white space, n_tags): every tag that a token may have.

        Raises ValueError if a label is not one of these.
        """
        masks = []
        begins, ended_label = False, ""
        for tag, skipped in zip(biluo, is_space, strict=True):
            action, label = (tag[0], tag[2:]) if tag else ("-", "")
            # An entity that begins with white space begins for us with what follows.
            begins = action in "BU" or (begins and action in "IL")
            if skipped:
                continue
            mask = np.zeros(self.n_tags, dtype=bool)
            if action == "O":
                mask[OUTSIDE] = True
            elif action == "-":
                mask[:] = True
                if ended_label:
                    mask[self.begin(ended_label) + 1] = False
            else:
                mask[self.begin(label) + (not begins)] = True
            masks.append(mask)
            begins, ended_label = False, label if action in "LU" else ""
        return np.array(masks, dtype=bool).reshape(-1, self.n_tags)

    def entities(self, tags: Sequence[int], tokens: Sequence[int]) -> list[Entity]:
        """An allowed path of tags, and the tokens (by their index in the Doc) that have
        them -> entities from left to right."""
        found: list[Entity] = []
        for tag, i in zip(tags, tokens, strict=True):
            if tag == OUTSIDE:
                continue
            start = i if tag % 2 else found.pop()[0]
            found.append((start, i + 1, self.labels[(tag - 1) // 2]))
        return found

    def _is_inside(self) -> Tensor:
        tags = torch.arange(self.n_tags, device="cpu")
        return (tags > OUTSIDE) & (tags % 2 == 0)
