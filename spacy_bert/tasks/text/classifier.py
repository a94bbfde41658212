"""`bert_textcat` and `bert_textcat_multilabel`: spaCy's classifiers with a loss for
classes of unequal size."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

import numpy as np
from spacy.language import Language
from spacy.pipeline import MultiLabel_TextCategorizer, TextCategorizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ...pipeline.architectures import DEFAULT_WIDTH
from ...pipeline.config_errors import takes_config
from ...pipeline.listeners import CLS_LISTENER, with_listener
from ...sections import Mistakes
from ..arrays import Floats, to_floats
from ..weights import expect_weights, weights_of

ClassWeights = dict[str, float] | Literal["balanced"] | None

# Probabilities of 0 and 1 have no finite logarithm, or no slope.
_LEAST = 1e-8

# As those of spaCy's `textcat` and `textcat_multilabel`.
_SCORE_WEIGHTS = {
    "cats_score": 1.0,
    **dict.fromkeys(
        (
            "cats_score_desc",
            *(f"cats_{kind}_{one}" for kind in ("micro", "macro") for one in "prf"),
            "cats_macro_auc",
            "cats_f_per_type",
        )
    ),
}


def _default_config(
    *, exclusive_classes: bool, threshold: float, scorer: str
) -> dict[str, Any]:
    model = {
        "@architectures": "spacy-bert.TextCatCls.v1",
        "exclusive_classes": exclusive_classes,
        "tok2vec": CLS_LISTENER,
    }
    return {
        "model": with_listener(model, width=DEFAULT_WIDTH),
        "threshold": threshold,
        "class_weights": None,
        "focal_gamma": 0.0,
        "scorer": {"@scorers": scorer},
    }


@Language.factory(
    "bert_textcat",
    assigns=["doc.cats"],
    default_config=_default_config(
        exclusive_classes=True, threshold=0.0, scorer="spacy.textcat_scorer.v2"
    ),
    default_score_weights=_SCORE_WEIGHTS,
)
@takes_config
def make_bert_textcat(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    threshold: float,
    scorer: Callable[..., Any] | None,
    class_weights: ClassWeights,
    focal_gamma: float,
) -> "BertTextCat":
    return BertTextCat(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        scorer=scorer,
        class_weights=class_weights,
        focal_gamma=focal_gamma,
    )


@Language.factory(
    "bert_textcat_multilabel",
    assigns=["doc.cats"],
    default_config=_default_config(
        exclusive_classes=False,
        threshold=0.5,
        scorer="spacy.textcat_multilabel_scorer.v2",
    ),
    default_score_weights=_SCORE_WEIGHTS,
)
@takes_config
def make_bert_textcat_multilabel(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    threshold: float,
    scorer: Callable[..., Any] | None,
    class_weights: ClassWeights,
    focal_gamma: float,
) -> "BertTextCatMultilabel":
    return BertTextCatMultilabel(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        scorer=scorer,
        class_weights=class_weights,
        focal_gamma=focal_gamma,
    )


class _WeightedLoss(TextCategorizer):
    """class_weights: what a class's loss is multiplied with, 1 if it is not there, or
        "balanced": from how often `initialize` sees it.
    focal_gamma: of the focal loss (Lin et al. 2017, section 3.2), which counts texts
        the less the surer they are. 0 leaves it out; the paper has 2.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Floats2d],
        name: str,
        *,
        threshold: float,
        scorer: Callable[..., Any] | None = None,
        class_weights: ClassWeights = None,
        focal_gamma: float = 0.0,
    ) -> None:
        super().__init__(vocab, model, name, threshold=threshold, scorer=scorer)
        self.class_weights = class_weights
        self.focal_gamma = focal_gamma
        mistakes = Mistakes()
        if isinstance(class_weights, dict):
            mistakes.collect(lambda: expect_weights(class_weights, "class_weights"))
        mistakes.expect(
            0 <= focal_gamma < np.inf,
            setting="focal_gamma",
            expected="at least 0",
            got=focal_gamma,
        )
        mistakes.raise_any(f"[components.{name}]")

    def get_loss(  # type: ignore[override]
        self, examples: Iterable[Example], scores: Floats2d
    ) -> tuple[float, Floats2d]:
        """The mean squared error, as spaCy reports it, without weights; and the
        gradient of the loss with them. Under a softmax that is cross-entropy; with a
        sigmoid for each class squared errors, or cross-entropy if the loss is focal."""
        examples = list(examples)
        loss, gradient = super().get_loss(examples, scores)
        # What spaCy's annotation calls a number.
        d_scores = cast(Any, gradient)
        if self.class_weights is None and not self.focal_gamma:
            return loss, d_scores
        truths, _ = self._examples_to_truth(examples)
        factors = self._factors(to_floats(truths), to_floats(scores))
        return loss, d_scores * self.model.ops.asarray2f(cast(Any, factors))

    def _factors(self, truths: Floats, probs: Floats) -> Floats:
        """What the gradient is multiplied with. All (n_docs, n_labels)."""
        raise NotImplementedError

    def _balance(self, examples: Iterable[Example]) -> dict[str, float]:
        raise NotImplementedError

    def _find_weights(self, get_examples: Callable[[], Iterable[Example]]) -> None:
        """Raises ValueError for weights of labels that are not there, or if a class to
        be balanced has no examples."""
        if self.class_weights == "balanced":
            self.cfg["balanced_weights"] = self._balance(get_examples())
        self._weights()

    def _weights(self) -> Floats:
        """(n_labels,)"""
        weights = self.class_weights or {}
        if weights == "balanced":
            weights = self.cfg.get("balanced_weights", {})
        where = f"[components.{self.name}] class_weights"
        return weights_of(weights, self.labels, where=where)

    def _count(self, examples: Iterable[Example]) -> tuple[Floats, Floats]:
        """How many have each class, and how many say whether they do. (n_labels,)

        Raises ValueError if none have it.
        """
        counts = np.zeros((2, len(self.labels)))
        for example in examples:
            cats = example.reference.cats
            counts[0] += [cats.get(label, 0.0) for label in self.labels]
            counts[1] += [label in cats for label in self.labels]
        for label, count in zip(self.labels, counts[0], strict=True):
            if not count:
                raise ValueError(
                    f"[components.{self.name}] class_weights: expected examples of "
                    f"every class to balance them, got none of {label!r}. Leave its "
                    "label out, or write weights for the others."
                )
        return counts[0], counts[1]


class BertTextCat(_WeightedLoss):
    """One class a text, over a softmax."""

    @takes_config
    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
        positive_label: str | None = None,
    ) -> None:
        """As spaCy's `textcat` does. Raises ValueError also for weights that do not fit
        the labels."""
        TextCategorizer.initialize(
            self, get_examples, nlp=nlp, labels=labels, positive_label=positive_label
        )
        self._find_weights(get_examples)

    def _factors(self, truths: Floats, probs: Floats) -> Floats:
        weights = np.where(truths.any(1), truths @ self._weights(), 1.0)
        of_true = (truths * probs).sum(1)
        return np.broadcast_to(
            (weights * focal_factor(of_true, self.focal_gamma))[:, None], truths.shape
        )

    def _balance(self, examples: Iterable[Example]) -> dict[str, float]:
        """All classes weigh the same: n / (n_classes * n of the class)."""
        n_of_class, _ = self._count(examples)
        weights = n_of_class.sum() / (len(n_of_class) * n_of_class)
        return dict(zip(self.labels, weights.tolist(), strict=True))


class BertTextCatMultilabel(_WeightedLoss, MultiLabel_TextCategorizer):
    """Any number of classes a text, over a sigmoid each. A class's weight is that of
    the texts that have it."""

    @takes_config
    def initialize(  # type: ignore[override]
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """As spaCy's `textcat_multilabel` does. Raises ValueError also for weights that
        do not fit the labels."""
        MultiLabel_TextCategorizer.initialize(
            self, get_examples, nlp=nlp, labels=labels
        )
        self._find_weights(get_examples)

    def _factors(self, truths: Floats, probs: Floats) -> Floats:
        factors = np.where(truths > 0, self._weights(), 1.0)
        if self.focal_gamma:
            of_true = np.maximum(np.where(truths > 0, probs, 1 - probs), _LEAST)
            # From squared errors to cross-entropy: a sigmoid's slope is p * (1 - p).
            factors = factors * focal_factor(of_true, self.focal_gamma)
            factors = factors / (of_true * np.maximum(1 - of_true, _LEAST))
        return factors

    def _balance(self, examples: Iterable[Example]) -> dict[str, float]:
        """Texts with a class weigh as much as those without it."""
        n_of_class, n_known = self._count(examples)
        weights = (n_known - n_of_class) / n_of_class
        return dict(zip(self.labels, weights.tolist(), strict=True))


def focal_factor(probs: Floats, gamma: float) -> Floats:
    """What the focal loss makes of the gradient of cross-entropy by the scores, which
    is (probability - truth): the derivative of -(1 - p)^gamma * log(p).

    probs: of what is true.
    """
    if not gamma:
        return np.ones_like(probs)
    probs = np.clip(probs, _LEAST, 1 - _LEAST)
    rest = 1 - probs
    return rest**gamma - gamma * probs * rest ** (gamma - 1) * np.log(probs)
