"""A batch that is encoded, and the gradients that its listeners hand back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any

from spacy.pipeline.tok2vec import Tok2VecListener
from thinc.api import Optimizer
from thinc.types import Floats2d

from .encoding import Gradients
from .listeners import VectorKind, get_grad_factor, get_vector_kind
from .transient import Transient


@dataclass(kw_only=True)
class PendingGradient(Transient):
    """A batch whose listeners have not all given their gradients.

    gradients: their sums so far, of each kind of vectors that is listened to.
    thread: the one that trains.
    """

    backprop: Callable[[Gradients], None]
    n_missing: int
    losses: dict[str, float]
    sgd: Optimizer | None
    gradients: dict[VectorKind, Floats2d] = field(default_factory=dict)
    thread: int = field(default_factory=get_ident)

    def add(self, listener: Tok2VecListener, gradient: Any) -> None:
        """Add a listener's gradient: of tokens, one array a Doc."""
        kind, factor = get_vector_kind(listener), get_grad_factor(listener)
        # With 0 the head is not there: zeros would still step, by the weight decay.
        if factor:
            if kind == "tokens":
                gradient = listener.ops.xp.concatenate(list(gradient))
            gradient = gradient * factor
            if kind in self.gradients:
                gradient = gradient + self.gradients[kind]
            self.gradients[kind] = gradient
        self.n_missing -= 1

    def send_back(self, name: str) -> None:
        """Send what gradients there are through the encoder of that name."""
        if not self.gradients:
            return
        # Its name may have changed since.
        self.losses.setdefault(name, 0.0)
        for gradient in self.gradients.values():
            self.losses[name] += float((gradient**2).sum())  # type: ignore[call-overload]
        self.backprop(self.gradients)
