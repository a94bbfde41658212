"""How sure a model is of entities: the exact probability that a span, no longer and no
shorter, has a label, over all paths of tags that BIO allows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..arrays import Floats, Ints
from .crf import IMPOSSIBLE, Transitions, posterior


@dataclass(frozen=True, kw_only=True)
class WordSpans:
    """Spans of words with a label, the words of all Docs end to end.

    starts, stops: the first word, the one after the last. begins: the tag B of the
    label. All (n_spans,).
    """

    starts: Ints
    stops: Ints
    begins: Ints

    def __getitem__(self, index: NDArray[np.bool_]) -> "WordSpans":
        return WordSpans(
            starts=self.starts[index],
            stops=self.stops[index],
            begins=self.begins[index],
        )


class Confidence:
    """The probabilities of spans in Docs whose words have these scores.

    scores: (n_words, n_tags), the Docs end to end. lengths: of the Docs, in words.
    transitions: those that BIO does not allow are impossible.
    """

    def __init__(
        self, scores: Tensor, lengths: Sequence[int], transitions: Transitions
    ) -> None:
        # On the CPU and in 64 bits: 32 would lose 4e-5 on a Doc of 3,000 words.
        exact = Transitions(
            scores=transitions.scores.cpu().double(),
            start_scores=transitions.start_scores.cpu().double(),
        )
        found = posterior(scores.cpu().double(), lengths, exact)
        self._forward: Floats = found.forward.numpy()
        self._backward: Floats = found.backward.numpy()
        self._steps: Floats = found.steps.numpy()
        self._transitions: Floats = exact.scores.numpy()
        # Where the Doc of each word ends.
        self._ends = np.repeat(np.cumsum(lengths), lengths).astype(np.int64)
        # To stay inside an entity, by label, summed up to each word.
        inside = np.arange(2, self._steps.shape[1], 2)
        going_on = self._steps[:, inside] + self._transitions[inside, inside]
        self._inside = np.concatenate([np.zeros((1, len(inside))), going_on.cumsum(0)])

    def marginals(self) -> Floats:
        """The probability of each tag of each word. (n_words, n_tags)"""
        return _exp(self._forward + self._backward)

    def probs(self, spans: WordSpans) -> Floats:
        """(n_spans,)"""
        ended = spans.stops == self._ends[spans.starts]
        behind = np.minimum(spans.stops, len(self._steps) - 1)
        leaving = (
            self._transitions[_last_tags(spans)]
            + self._steps[behind]
            + self._backward[behind]
        )
        # Going on inside would be a longer entity.
        leaving[np.arange(len(behind)), spans.begins + 1] = IMPOSSIBLE
        log_left = torch.from_numpy(leaving).logsumexp(1).numpy()
        return _exp(self._log_up_to(spans) + np.where(ended, 0.0, log_left))

    def likely_spans(self, threshold: float) -> tuple[WordSpans, Floats]:
        """All spans of at least this probability, which is above 0, and theirs."""
        found = list(self._grow(threshold))
        return (
            WordSpans(
                starts=np.concatenate([spans.starts for spans, _ in found]),
                stops=np.concatenate([spans.stops for spans, _ in found]),
                begins=np.concatenate([spans.begins for spans, _ in found]),
            ),
            np.concatenate([probs for _, probs in found]),
        )

    def _grow(self, threshold: float) -> Iterator[tuple[WordSpans, Floats]]:
        """Spans of one word, of two, and so on. What goes on from a span is less likely
        than what begins with it, so few go on."""
        starts, labels = (self.marginals()[:, 1::2] >= threshold).nonzero()
        spans = WordSpans(starts=starts, stops=starts + 1, begins=1 + 2 * labels)
        while True:
            probs = self.probs(spans)
            is_likely = probs >= threshold
            yield spans[is_likely], probs[is_likely]
            spans = spans[spans.stops < self._ends[spans.starts]]
            spans = WordSpans(
                starts=spans.starts, stops=spans.stops + 1, begins=spans.begins
            )
            last = self._backward[spans.stops - 1, spans.begins + 1]
            spans = spans[_exp(self._log_up_to(spans) + last) >= threshold]
            if not len(spans.starts):
                return

    def _log_up_to(self, spans: WordSpans) -> Floats:
        """The probability of the span's tags, given the words up to its last."""
        starts, stops, begins = spans.starts, spans.stops, spans.begins
        first = self._forward[starts, begins]
        second = np.minimum(starts + 1, len(self._steps) - 1)
        entering = self._transitions[begins, begins + 1]
        entering = entering + self._steps[second, begins + 1]
        labels = (begins - 1) // 2
        staying = self._inside[stops, labels]
        staying = staying - self._inside[np.minimum(starts + 2, stops), labels]
        return np.asarray(first + (stops - starts > 1) * entering + staying)


def _last_tags(spans: WordSpans) -> Ints:
    return spans.begins + (spans.stops - spans.starts > 1)


def _exp(logs: Floats) -> Floats:
    """In torch: numpy may have been set to raise an error for a number that is too
    small to be told from 0."""
    return np.asarray(torch.from_numpy(logs).exp())
