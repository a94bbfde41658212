"""The encoder's learning rates: what the Thinc optimizer has -> what each layer gets.

An optimizer has one rate for the heads and the encoder. Heads start from nothing and
learn at spaCy's 1e-3; a pretrained encoder forgets at that rate what it knows.
"""

from dataclasses import dataclass
from math import inf

from thinc.api import Optimizer

from ..sections import Mistake, Mistakes

# The highest rate that BERT is fine-tuned with (Devlin et al. 2018, A.3), and the peak
# of spaCy's config for transformers. Encoders narrower than BERT-base bear, and need,
# higher rates.
_BERT_RATE = 5e-5
_BERT_BASE_WIDTH = 768

# Adam at 3 times the default maximum cost MiniLM a third of its F, and at 10 times all
# of it (benchmarks/LOG.md). Two layers of width 128 bear 3.3 times (configs/train.cfg).
_RUINOUS = 3.5


def default_maximum(hidden_width: int) -> float:
    return _BERT_RATE * max(1.0, _BERT_BASE_WIDTH / hidden_width)


@dataclass(frozen=True, kw_only=True)
class LearnRates:
    """How the encoder's learning rates follow from the optimizer's.

    factor: the rate of the top layer and the pooler over the optimizer's.
    maximum: what that rate never exceeds. None: `default_maximum` for Adam and RAdam,
        whose steps are as long as the rate, and no maximum for SGD.
    layer_decay: each layer's rate over that of the layer above it (Sun et al. 2019,
        "How to Fine-Tune BERT for Text Classification", section 5.3.4: 0.95).

    Raises MistakesError, a ValueError, with all values that are impossible.
    """

    factor: float = 1.0
    maximum: float | None = None
    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        mistakes = Mistakes()
        settings = {"learn_rate_factor": self.factor, "max_learn_rate": self.maximum}
        for name, value in settings.items():
            if value is not None and not 0.0 < value < inf:
                message = (
                    f"{name} must be a number above 0, got {value}. To leave the "
                    "encoder as it is, set freeze = 'all'."
                )
                mistakes.add(Mistake(message, (name,)))
        if not 0.0 < self.layer_decay <= 1.0:
            message = f"layer_decay must lie in (0, 1], got {self.layer_decay}."
            mistakes.add(Mistake(message, ("layer_decay",)))
        mistakes.raise_any()

    def top(self, optimizer: Optimizer, *, hidden_width: int) -> float:
        """Return the rate of the top layer over the optimizer's, in its next step."""
        maximum = self.maximum
        if maximum is None:
            maximum = default_maximum(hidden_width) if _is_adam(optimizer) else inf
        if self.factor * optimizer.learn_rate <= maximum:
            return self.factor
        return maximum / optimizer.learn_rate

    def layer_ratio(self, name: str, *, n_layers: int) -> float:
        """Return the rate of a parameter of a BertEncoder over that of the top layer.

        With 2 layers: "layers.1..." 1, "layers.0..." layer_decay, "embeddings..."
        layer_decay ** 2.
        """
        module, *rest = name.split(".")
        n_below = {"embeddings": 0, "pooler": n_layers}.get(module)
        if n_below is None:
            n_below = int(rest[0]) + 1
        return self.layer_decay ** (n_layers - n_below)


def is_ruinous(rate: float, optimizer: Optimizer, *, hidden_width: int) -> bool:
    """Whether a pretrained encoder forgets at this rate what it knows."""
    return _is_adam(optimizer) and rate > _RUINOUS * default_maximum(hidden_width)


def _is_adam(optimizer: Optimizer) -> bool:
    return optimizer.b2 > 0.0
