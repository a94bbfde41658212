"""`text_regressor`: values of a text or of a pair of texts, such as how alike two
sentences are."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import logger
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ...pipeline.architectures import DEFAULT_WIDTH
from ...pipeline.config_errors import takes_config
from ...pipeline.listeners import CLS_LISTENER, with_listener
from ...pipeline.piping import EarlyPipe
from ..losses import expect_finite
from ..resizing import resize_output
from .scorer import Scorer

_INTERVALS = "intervals"

# A user's own extension of this name is written to as well.
if not Doc.has_extension(_INTERVALS):
    Doc.set_extension(_INTERVALS, default=None)

DEFAULT_MODEL = {
    "@architectures": "spacy-bert.Regressor.v1",
    "tok2vec": CLS_LISTENER,
}


@Language.factory(
    "text_regressor",
    assigns=["doc.cats"],
    default_config={
        "model": with_listener(DEFAULT_MODEL, width=DEFAULT_WIDTH),
        "scorer": {"@scorers": "spacy-bert.regression_scorer.v1"},
    },
    default_score_weights={"cats_pearson": 0.5, "cats_spearman": 0.5},
)
@takes_config
def make_text_regressor(
    nlp: Language, name: str, model: Model[list[Doc], Floats2d], scorer: Scorer | None
) -> "TextRegressor":
    return TextRegressor(nlp.vocab, model, name, scorer=scorer)


class TextRegressor(EarlyPipe):
    """Writes a value for each label into `doc.cats`, by least squares.

    What is learned is how many standard deviations a value lies from the mean of the
    training examples, so it does not matter on which scale it was given. Labels that an
    example's reference lacks are left out of its loss. Once `spacy bert calibrate` has
    fitted intervals, `doc._.intervals` has (low, high) for each label.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Floats2d],
        name: str = "text_regressor",
        *,
        scorer: Scorer | None = None,
    ) -> None:
        if "is_regressor" not in model.attrs:
            raise ValueError(
                f"[components.{name}.model]: expected @architectures = "
                f"'spacy-bert.Regressor.v1', got a model named {model.name!r}."
            )
        super().__init__(
            vocab, model, name, labels=[], means=[], stds=[], half_widths={}
        )
        self.scorer = scorer

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        return list(self.labels)

    def add_label(self, label: str, *, mean: float = 0.0, std: float = 1.0) -> int:
        """Returns 1, or 0 if the label is there already.

        mean, std: mean and standard deviation of the label's values, if they are known;
            `initialize` finds them in the examples. A trained model gets one more
            output.

        Raises ValueError for what is no label, or no scale.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(f"Expected a label that is a text, got {label!r}.")
        if not np.isfinite(mean) or not 0 < std < np.inf:
            raise ValueError(
                "Expected a finite mean and a finite standard deviation above 0, got "
                f"{mean} and {std}."
            )
        if label in self.labels:
            return 0
        # New lists: a copy of the component may share the old ones.
        for name, value in (
            ("labels", label),
            ("means", mean),
            ("stds", std),
        ):
            self.cfg[name] = [*self.cfg[name], value]
        resize_output(self.model, len(self.labels))
        self.vocab.strings.add(label)
        return 1

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """(n_docs, n_labels), on the labels' own scales."""
        docs = list(docs)
        if not docs:
            scores: Floats2d = self.model.ops.alloc2f(0, len(self.labels))
            return scores
        means, stds = self._scales()
        scores = self.model.predict(docs) * stds + means
        return scores

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        half_widths = self.cfg.get("half_widths")
        for doc, values in zip(docs, scores.tolist(), strict=True):
            by_label = dict(zip(self.labels, values, strict=True))
            doc.cats.update(by_label)
            if half_widths:
                intervals = {
                    label: (by_label[label] - half, by_label[label] + half)
                    for label, half in half_widths.items()
                }
                doc._.set(_INTERVALS, {**(doc._.get(_INTERVALS) or {}), **intervals})

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d
    ) -> tuple[float, Floats2d]:
        """Half the sum of the squared errors, in standard deviations, and its
        gradient.

        Raises ValueError if the loss is not finite.
        """
        targets = read_targets(list(examples), self.labels)
        is_given = ~np.isnan(targets)
        scaled = (targets - self.cfg["means"]) / self.cfg["stds"]
        asarray = self.model.ops.asarray2f
        errors = scores - asarray(np.where(is_given, scaled, 0.0))
        errors[self.model.ops.xp.asarray(~is_given)] = 0.0
        loss = float((errors**2).sum()) / 2
        return expect_finite(loss, name=self.name), errors

    @takes_config
    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Learn which labels there are, and their scales, and draw the weights.

        labels: which of the references' `cats` to predict; by default all of them.

        Raises ValueError if there are none.
        """
        validate_get_examples(get_examples, "TextRegressor.initialize")
        examples = list(get_examples())
        found = sorted(
            {label for example in examples for label in example.reference.cats}
        )
        labels = found if labels is None else list(labels)
        targets = read_targets(examples, labels)
        if not labels or np.isnan(targets).all(axis=0).any():
            raise ValueError(
                f"{self.name}: expected numbers in `cats` of the training examples for "
                f"{', '.join(labels) or 'at least one label'}; found "
                f"{', '.join(found) or 'none'}."
            )
        stds = np.nanstd(targets, axis=0)
        for label in (n for n, std in zip(labels, stds, strict=True) if std == 0):
            logger.warning(
                "%s: all training examples have the same value for %r, so there is "
                "nothing to learn.",
                *(self.name, label),
            )
        self.cfg.update(
            labels=labels,
            half_widths={},
            means=np.nanmean(targets, axis=0).tolist(),
            # All the same: any scale will do.
            stds=np.where(stds > 0, stds, 1.0).tolist(),
        )
        resize_output(self.model, len(labels))
        docs = [example.x for example in islice(examples, 10)]
        self.model.initialize(X=docs, Y=self.model.ops.alloc2f(len(docs), len(labels)))

    def _scales(self) -> tuple[Any, Any]:
        """Mean and standard deviation of each label in the examples, (n_labels,)."""
        asarray = self.model.ops.asarray1f
        return asarray(self.cfg["means"]), asarray(self.cfg["stds"])


def read_targets(
    examples: Sequence[Example], labels: Sequence[str]
) -> NDArray[np.float64]:
    """(n_examples, n_labels), NaN if a reference has no such label.

    Raises ValueError if it has something else than a number, or an infinite one.
    """
    for example in examples:
        for label in labels:
            value = example.reference.cats.get(label, 0.0)
            if not isinstance(value, Real) or np.isinf(value):
                raise ValueError(
                    f"Expected a finite number for {label!r} in `cats`, got {value!r} "
                    f"of {example.reference.text[:60]!r}."
                )
    return np.array(
        [[eg.reference.cats.get(label, np.nan) for label in labels] for eg in examples],
        dtype=np.float64,
    ).reshape(len(examples), len(labels))
