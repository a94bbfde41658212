"""The spaCy component `bert_ner`: entities by token classification, with or without a
CRF."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model

from ...pipeline.architectures import DEFAULT_WIDTH
from ...pipeline.config_errors import takes_config
from ...pipeline.listeners import LISTENER, with_listener
from ...pipeline.piping import EarlyPipe
from ...sections import Mistakes
from ..arrays import Floats
from ..losses import expect_finite
from ..resizing import replace_layer, resize_layer, resize_output
from ..taught import get_taught
from ..weights import expect_weights, weights_of
from .bio import BioTags
from .decoding import FoundEntities, Wanted, find_entities, find_marginals
from .entity_checks import count_entities, warn_of_entities
from .loss import tagging_loss
from .model import TagScores
from .span_confidence import set_confidence

DEFAULT_MODEL = {
    "@architectures": "spacy-bert.TokenClassifier.v1",
    "decoder": "crf",
    "tok2vec": LISTENER,
}


@Language.factory(
    "bert_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config={
        "model": with_listener(DEFAULT_MODEL, width=DEFAULT_WIDTH),
        "confidence": True,
        "threshold": 0.0,
        "n_alternatives": 0,
        "alternatives_threshold": 0.05,
        "alternatives_key": "alternatives",
        "label_weights": None,
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
@takes_config
def make_bert_ner(
    nlp: Language,
    name: str,
    model: Model[list[Doc], TagScores],
    confidence: bool,
    threshold: float,
    n_alternatives: int,
    alternatives_threshold: float,
    alternatives_key: str,
    label_weights: dict[str, float] | None,
    scorer: Callable[..., Any] | None,
) -> "BertNer":
    return BertNer(
        nlp.vocab,
        model,
        name,
        confidence=confidence,
        threshold=threshold,
        n_alternatives=n_alternatives,
        alternatives_threshold=alternatives_threshold,
        alternatives_key=alternatives_key,
        label_weights=label_weights,
        scorer=scorer,
    )


class BertNer(EarlyPipe):
    """Writes doc.ents. Entities that a Doc has already are overwritten: rules that are
    to win go behind this component.

    model: made by `spacy-bert.TokenClassifier.v1`.
    confidence: whether each entity gets its probability, as `ent._.confidence`: that
        exactly this span has this label, over all paths of tags that BIO allows.
    threshold: entities of a smaller probability are dropped.
    n_alternatives: at most so many other spans of a Doc, which may overlap, are written
        to doc.spans[alternatives_key], the likeliest first, with their probabilities in
        attrs["scores"]. alternatives_threshold: the least probability that one needs.
    label_weights: what the loss of a label's tokens is multiplied with in training, 1
        if it is not there; "O" is that of tokens outside of entities.

    Its tags are B-X, I-X and O, and the best path of them is one that BIO allows,
    whatever the decoder. White space has none, so no entity begins or ends with it.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], TagScores],
        name: str = "bert_ner",
        *,
        confidence: bool = True,
        threshold: float = 0.0,
        n_alternatives: int = 0,
        alternatives_threshold: float = 0.05,
        alternatives_key: str = "alternatives",
        label_weights: dict[str, float] | None = None,
        scorer: Callable[..., Any] | None = None,
    ) -> None:
        if "decoder" not in model.attrs:
            raise ValueError(
                f"[components.{name}.model]: expected @architectures = "
                f"'spacy-bert.TokenClassifier.v1', got a model named {model.name!r}."
            )
        mistakes = Mistakes()
        for setting, value, expected, is_right in (
            ("threshold", threshold, "from 0 to 1", 0 <= threshold <= 1),
            ("n_alternatives", n_alternatives, "at least 0", n_alternatives >= 0),
            (
                *("alternatives_threshold", alternatives_threshold),
                *("above 0, and at most 1", 0 < alternatives_threshold <= 1),
            ),
        ):
            mistakes.expect(is_right, setting=setting, expected=expected, got=value)
        mistakes.collect(lambda: expect_weights(label_weights, "label_weights"))
        mistakes.raise_any(f"[components.{name}]")
        super().__init__(vocab, model, name, labels=[])
        self.confidence = confidence
        self.threshold = threshold
        self.n_alternatives = n_alternatives
        self.alternatives_threshold = alternatives_threshold
        self.alternatives_key = alternatives_key
        self.label_weights = label_weights
        self.scorer = scorer

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities, as in `ent.label_`."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """What `spacy init labels` saves, and `initialize` takes."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Returns 1, or 0 if the label is there already.

        A trained model gets two more tags, which it does not predict until it is
        trained on. Raises ValueError for what is no label.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(f"Expected a label that is a text, got {label!r}.")
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.model.get_ref("output_layer").has_dim("nO"):
            self._resize()
        return 1

    @takes_config
    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Give the model one tag for O and two for each label, and draw its weights.

        labels: without them, those of all examples. They join those that were added or
            learned before.

        Logs a warning for entities that cannot be learned as they are, and for labels
        of few entities. Raises ValueError if there are no labels, or if a weight is for
        one that is not there.
        """
        validate_get_examples(get_examples, "BertNer.initialize")
        counts = count_entities(get_examples())
        for label in sorted(counts.n_entities) if labels is None else labels:
            self.add_label(label)
        self._require_labels()
        self._tag_weights()
        warn_of_entities(counts, self.labels, name=self.name)
        n_tags = BioTags(self.labels).n_tags
        for layer in ("output_layer", "transitions"):
            self.model.get_ref(layer).set_dim("nO", n_tags)
        self.model.initialize(X=[eg.x for eg in islice(get_examples(), 10)])

    def predict(self, docs: Iterable[Doc]) -> list[FoundEntities]:
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [FoundEntities(entities=[], probs=[]) for _ in docs]
        wanted = Wanted(
            probs=self.confidence,
            threshold=self.threshold,
            n_alternatives=self.n_alternatives,
            alternatives_threshold=self.alternatives_threshold,
        )
        scores = self.model.predict(docs)
        return find_entities(scores, docs, tags=BioTags(self.labels), wanted=wanted)

    def marginals(self, docs: Iterable[Doc]) -> list[Floats]:
        """The probability of each tag of each token, (n_tokens, n_tags) a Doc: O, then
        B-X and I-X of each label in the order of `labels`. White space has no tag:
        zeros.

        docs: as this component gets them, so that the encoder has read them.
        """
        docs = list(docs)
        tags = BioTags(self.labels)
        if not any(len(doc) for doc in docs):
            return [np.zeros((0, tags.n_tags)) for _ in docs]
        return find_marginals(self.model.predict(docs), docs, tags=tags)

    def set_annotations(
        self, docs: Iterable[Doc], found: Sequence[FoundEntities]
    ) -> None:
        for doc, of_doc in zip(docs, found, strict=True):
            spans = [
                Span(doc, start, end, label=label)
                for start, end, label in of_doc.entities
            ]
            doc.set_ents(spans, default="outside")
            if self.confidence:
                set_confidence(doc, spans, of_doc.probs or ())
            if self.n_alternatives:
                doc.spans[self.alternatives_key] = SpanGroup(
                    doc,
                    name=self.alternatives_key,
                    spans=[
                        Span(doc, start, end, label=label)
                        for (start, end, label), _ in of_doc.alternatives
                    ],
                    attrs={"scores": np.array([p for _, p in of_doc.alternatives])},
                )

    def get_loss(
        self, examples: Iterable[Example], scores: TagScores
    ) -> tuple[float, TagScores]:
        """The loss, summed over the tokens whose tag is known, and its gradient.

        softmax: each token's cross-entropy. CRF: each Doc's negative log-likelihood,
        which grows with its tokens too. Neither is divided by anything, as in spaCy's
        tagger and ner: next to them each token weighs the same.

        If annotation is missing or its tokens are not those of the Doc, softmax
        passes the token over, and the CRF adds up all tags that it may have.

        Docs that `spacy-bert.TaughtCorpus.v1` gives are learned from the probabilities
        of another model: by cross-entropy, or its expectation over paths.

        Raises ValueError for an entity whose label is not one of this component's, and
        if the loss is not finite.
        """
        examples = list(examples)
        loss, gradient = tagging_loss(
            scores,
            [example.predicted for example in examples],
            [example.get_aligned_ner() for example in examples],
            tags=BioTags(self.labels),
            decoder=self.model.attrs["decoder"],
            weights=self._tag_weights(),
            taught=[self._taught_probs(example) for example in examples],
        )
        return expect_finite(loss, name=self.name), gradient

    def _taught_probs(self, example: Example) -> Floats | None:
        """(n_tokens, n_tags), for tags of this component."""
        taught = get_taught(example.reference, self.name)
        if taught is None:
            return None
        tags = BioTags(self.labels)
        if len(taught.probs) != len(example.predicted):
            raise ValueError(
                f"{self.name}: expected the tokens that the teacher read, "
                f"{len(taught.probs)} of them, got {len(example.predicted)}. Take no "
                "augmenter with spacy-bert.TaughtCorpus.v1."
            )
        begins = np.array([tags.begin(label) for label in taught.labels], dtype=int)
        columns = [0, *np.stack([begins, begins + 1], axis=1).ravel()]
        probs = np.zeros((len(taught.probs), tags.n_tags))
        probs[:, columns] = taught.probs
        return probs

    def _tag_weights(self) -> Floats | None:
        """(n_tags,)"""
        if self.label_weights is None:
            return None
        weights = weights_of(
            self.label_weights,
            (*self.labels, "O"),
            where=f"[components.{self.name}] label_weights",
        )
        return np.array([weights[-1], *np.repeat(weights[:-1], 2)])

    def _resize(self) -> None:
        """Give a model that has tags those of all labels."""
        n_tags = BioTags(self.labels).n_tags
        resize_output(self.model, n_tags, is_rare=True)
        transitions = self.model.get_ref("transitions")
        replace_layer(self.model, transitions, resize_layer(transitions, n_tags))
