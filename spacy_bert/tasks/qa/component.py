"""The spaCy component `extractive_qa`: Docs of a question and its context -> answers.

It writes doc.spans["answers"], best first, with their probabilities in
attrs["scores"] and that of "no answer" in attrs["no_answer"].
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import logger
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ...pipeline.architectures import DEFAULT_WIDTH
from ...pipeline.config_errors import takes_config
from ...pipeline.listeners import LISTENER, with_listener
from ...pipeline.piping import EarlyPipe
from ...pipeline.segments import require_separator
from ..losses import expect_finite
from .answer_spans import BestSpans, find_best_spans
from .answering import Answer, answer_batch
from .contexts import context_slice, find_context
from .gold_answers import NO_ANSWER_INDEX, GoldAnswer, find_gold_answer
from .loss import answer_loss
from .pipeline_reference import PipelineReference

DEFAULT_MODEL = {
    "@architectures": "spacy-bert.ExtractiveQA.v1",
    "cls": None,
    "tok2vec": LISTENER,
}


@Language.factory(
    "extractive_qa",
    assigns=["doc.spans"],
    default_config={
        "model": with_listener(DEFAULT_MODEL, width=DEFAULT_WIDTH),
        "spans_key": "answers",
        "n_best": 1,
        "max_answer_tokens": 30,
        "no_answer_threshold": 0.0,
        "scorer": {
            "@scorers": "spacy-bert.extractive_qa_scorer.v1",
            "metric": "squad",
        },
    },
    default_score_weights={"answers_em": 0.0, "answers_f": 1.0},
)
@takes_config
def make_extractive_qa(
    nlp: Language,
    name: str,
    model: Model[list[Doc], list[Floats2d]],
    spans_key: str,
    n_best: int,
    max_answer_tokens: int,
    no_answer_threshold: float,
    scorer: Callable[..., Any] | None,
) -> "ExtractiveQA":
    qa = ExtractiveQA(
        nlp.vocab,
        model,
        name,
        spans_key=spans_key,
        n_best=n_best,
        max_answer_tokens=max_answer_tokens,
        no_answer_threshold=no_answer_threshold,
        scorer=scorer,
    )
    qa.pipeline = PipelineReference(nlp)
    return qa


class ExtractiveQA(EarlyPipe):
    """Finds the answer to a question in its context.

    model: made by `spacy-bert.ExtractiveQA.v1`.
    spans_key: where in doc.spans the answers are written, and read while training.
    n_best: how many answers; they may overlap.
    max_answer_tokens: tokens an answer may have.
    no_answer_threshold: how much "no answer" must score over the best span to be given,
        as in Devlin et al. 2018, section 4.3; higher gives more answers. A score is the
        sum of two logits; the lead is `log(attrs["no_answer"] / attrs["scores"][0])`.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "extractive_qa",
        *,
        spans_key: str = "answers",
        n_best: int = 1,
        max_answer_tokens: int = 30,
        no_answer_threshold: float = 0.0,
        scorer: Callable[..., Any] | None = None,
    ) -> None:
        if "can_abstain" not in model.attrs:
            raise ValueError(
                f"[components.{name}.model]: expected @architectures = "
                f"'spacy-bert.ExtractiveQA.v1', got a model named {model.name!r}."
            )
        if min(n_best, max_answer_tokens) < 1:
            raise ValueError(
                f"[components.{name}]: expected n_best and max_answer_tokens of at "
                f"least 1, got {n_best} and {max_answer_tokens}."
            )
        super().__init__(
            vocab,
            model,
            name,
            spans_key=spans_key,
            n_best=n_best,
            max_answer_tokens=max_answer_tokens,
            no_answer_threshold=no_answer_threshold,
        )
        self.scorer = scorer
        self.pipeline = PipelineReference(None)

    def answer(self, question: str, context: str) -> list[Answer]:
        """Return what `answer_batch` yields for one question."""
        return next(self.answer_batch([(question, context)]))

    def answer_batch(
        self, pairs: Iterable[tuple[str, str]], *, batch_size: int | None = None
    ) -> Iterator[list[Answer]]:
        """Yield the n_best answers to each (question, context), best first: an empty
        list if the context is empty, or the model finds that it holds no answer.

        batch_size: Docs that go through the pipeline together; by default the
            pipeline's.

        The pipeline is the one that this component was made in, also if another one
        takes it as a source. Raises ValueError for an empty question, if the encoder
        has no pair_separator, and if the pipeline is not known: after pickling, or once
        it is gone.
        """
        nlp = self.pipeline.get()
        if nlp is None:
            raise ValueError(
                f"{self.name}: the pipeline that this component belongs to is gone, or "
                "not known after copying. Keep it (nlp = spacy.load(...)), or use "
                "spacy_bert.tasks.qa.answering.answer_batch(nlp, pairs)."
            )
        return answer_batch(nlp, pairs, batch_size=batch_size, name=self.name)

    def predict(self, docs: Iterable[Doc]) -> list[BestSpans]:
        """Spans in tokens of the Doc; none for a Doc of one text.

        Raises ValueError if the encoder has no pair_separator.
        """
        docs = list(docs)
        separator = self._separator()
        contexts = [find_context(doc, separator) for doc in docs]
        if not docs:
            return []
        can_abstain = self.model.attrs["can_abstain"]
        best = []
        for context, logits in zip(
            contexts, self._to_numpy(self.model.predict(docs)), strict=True
        ):
            no_answer = float(logits[NO_ANSWER_INDEX].sum()) if can_abstain else -np.inf
            # No answer begins or ends with white space.
            is_space = context.doc.to_array("IS_SPACE")[context.start : context.end]
            token_logits = logits[context_slice(context, can_abstain=can_abstain)]
            starts, ends = np.where(is_space[:, None] == 1, -np.inf, token_logits).T
            found = find_best_spans(
                starts,
                ends,
                max_answer_tokens=self.cfg["max_answer_tokens"],
                n_best=self.cfg["n_best"],
                no_answer_score=no_answer,
            )
            best.append(found.shifted(context.start))
        return best

    def set_annotations(self, docs: Iterable[Doc], best: Sequence[BestSpans]) -> None:
        """An empty group if the lead of "no answer" is above the threshold."""
        key = self.cfg["spans_key"]
        for doc, found in zip(docs, best, strict=True):
            spans = [
                doc[start : end + 1]
                for start, end in zip(found.starts, found.ends, strict=True)
            ]
            if self.abstains(found):
                spans = []
            attrs = {
                "scores": found.probs[: len(spans)].astype(np.float32),
                "no_answer": found.no_answer_prob,
            }
            doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs=attrs)

    def abstains(self, found: BestSpans) -> bool:
        """Whether the lead of "no answer" is above the threshold."""
        lead = found.no_answer_score - found.scores[:1]
        return bool((lead > self.cfg["no_answer_threshold"]).any())

    def get_loss(
        self, examples: Iterable[Example], logits: Sequence[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Raises ValueError if an answer is not in its context, or there is none and
        the model always gives one; and if the loss is not finite."""
        examples = list(examples)
        validate_examples(examples, "ExtractiveQA.get_loss")
        golds = [self._find_gold(example) for example in examples]
        loss, d_logits = answer_loss(self._to_numpy(logits), golds)
        expect_finite(loss, name=self.name)
        return loss, [
            self.model.ops.asarray2f(d_doc_logits) for d_doc_logits in d_logits
        ]

    @takes_config
    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
    ) -> None:
        """Raises ValueError as `get_loss` does, for any of the examples, and if none
        of them is annotated or the encoder has no pair_separator."""
        validate_get_examples(get_examples, "ExtractiveQA.initialize")
        max_tokens = self.cfg["max_answer_tokens"]
        n_long = n_golds = 0
        for example in get_examples():
            gold = self._find_gold(example)
            if gold is not None:
                n_golds += 1
                n_long += gold.end - gold.start >= max_tokens
        if not n_golds:
            key = self.cfg["spans_key"]
            found = {k for example in get_examples() for k in example.reference.spans}
            raise ValueError(
                f"{self.name}: expected training examples with answers in "
                f"reference.spans[{key!r}]; found {', '.join(sorted(found)) or 'none'}."
            )
        if n_long:
            logger.warning(
                "%s: %d answers have more than max_answer_tokens = %d tokens and can "
                "never be found. Set it higher.",
                self.name,
                n_long,
                max_tokens,
            )
        self.model.initialize(X=[eg.predicted for eg in islice(get_examples(), 10)])

    def _find_gold(self, example: Example) -> GoldAnswer | None:
        return find_gold_answer(
            example,
            spans_key=self.cfg["spans_key"],
            can_abstain=self.model.attrs["can_abstain"],
            separator=self._separator(),
        )

    def _separator(self) -> str:
        return require_separator([self.model])

    def _to_numpy(self, logits: Sequence[Floats2d]) -> list[NDArray[np.float32]]:
        """In one transfer, if they are on a GPU."""
        ends = np.cumsum([len(doc_logits) for doc_logits in logits])[:-1]
        together = self.model.ops.to_numpy(self.model.ops.xp.concatenate(logits))
        return np.split(together, ends)
