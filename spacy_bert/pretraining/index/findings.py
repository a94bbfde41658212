"""What the build of an index sees in the text, and what is to be done about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tokenization import WordPiece
from ..text.repeats import Repeats
from .tokenized import TokenizedDocument

# Shorter lines, such as headings, come again by nature.
LEAST_CHARS = 40

# The shares from which on a user should know. English Wikipedia has 0.1 % of repeated
# documents, 2 % of repeated lines and 0.1 % of [UNK] in the vocabulary of BERT-base.
MANY_DOCUMENTS, MANY_LINES = 0.02, 0.05
MANY_UNKNOWN = 0.01
MANY_SINGLE = 0.5
MANY_RARE = 0.5
# Of English Wikipedia, split by spaCy's sentencizer, 0.5 % of the pieces are in longer
# sentences than this; with a paragraph a line, 36 %.
LONG, MANY_LONG = 128, 0.2
# Seen less often, a piece has no embedding to speak of.
RARE = 10

_N_EXAMPLES = 3


@dataclass(kw_only=True)
class Findings:
    """counts: how often each piece occurs, (n_pieces_of_the_vocabulary,).
    n_single: documents of one sentence. n_in_long: pieces in sentences of more than
    LONG. lowest: the two lowest held-out draws."""

    counts: NDArray[np.int64]
    n_documents: int = 0
    n_single: int = 0
    n_in_long: int = 0
    lowest: list[float] = field(default_factory=list)
    documents: Repeats = field(default_factory=Repeats)
    lines: Repeats = field(default_factory=Repeats)

    def add(self, documents: Sequence[TokenizedDocument]) -> None:
        """Documents that have a sentence."""
        ids = chain.from_iterable(chain.from_iterable(d.sentences for d in documents))
        new = np.fromiter(ids, np.int64)
        self.counts += np.bincount(new, minlength=len(self.counts))
        self.n_documents += len(documents)
        self.n_single += sum(len(d.sentences) == 1 for d in documents)
        lengths = (len(ids) for d in documents for ids in d.sentences)
        self.n_in_long += sum(n for n in lengths if n > LONG)
        self.lowest = sorted(self.lowest + [d.draw for d in documents])[:2]
        self.documents.add("\n".join(d.lines) for d in documents)
        lines = chain.from_iterable(d.lines for d in documents)
        self.lines.add(line for line in lines if len(line) >= LEAST_CHARS)

    def merge(self, other: "Findings") -> None:
        self.counts += other.counts
        self.n_documents += other.n_documents
        self.n_single += other.n_single
        self.n_in_long += other.n_in_long
        self.lowest = sorted(self.lowest + other.lowest)[:2]
        self.documents.merge(other.documents)
        self.lines.merge(other.lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "counts": self.counts.tolist(),
            "n_documents": self.n_documents,
            "n_single": self.n_single,
            "n_in_long": self.n_in_long,
            "lowest": self.lowest,
            "documents": self.documents.to_json(),
            "lines": self.lines.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Findings":
        return cls(
            counts=np.array(values["counts"], dtype=np.int64),
            n_documents=values["n_documents"],
            n_single=values["n_single"],
            n_in_long=values["n_in_long"],
            lowest=values["lowest"],
            documents=Repeats.from_json(values["documents"]),
            lines=Repeats.from_json(values["lines"]),
        )

    def unknown_share(self, wordpiece: WordPiece) -> float:
        return float(self.counts[wordpiece.unk_id] / max(self.counts.sum(), 1))

    def warnings(
        self, wordpiece: WordPiece, *, from_checkpoint: bool = False
    ) -> Iterator[str]:
        """Each says what was found and what to do.

        from_checkpoint: the vocabulary came with weights, and is not learned from text.
        """
        for repeats, name, many in (
            (self.documents, "documents", MANY_DOCUMENTS),
            (self.lines, f"lines of {LEAST_CHARS} characters or more", MANY_LINES),
        ):
            if repeats.share >= many:
                yield (
                    f"{repeats.share:.0%} of the {name} are copies of others, such as "
                    f"{_list_examples(repeats)}. Leave the copies out: a model learns "
                    "them by heart, and finds them again in held-out text."
                )
        unknown = self.unknown_share(wordpiece)
        if unknown >= MANY_UNKNOWN:
            yield (
                f"{unknown:.1%} of the pieces are [UNK], of which nothing is learned. "
                f"{_EXTEND if from_checkpoint else _LEARN}"
            )
        single = self.n_single / max(self.n_documents, 1)
        if single >= MANY_SINGLE:
            yield (
                f"{single:.0%} of the documents have one sentence, so next-sentence "
                "prediction has no true pairs of them. If lines are paragraphs, set "
                "[corpus] sentences = 'sentencizer'; if each line is followed by a "
                "blank one, take these out."
            )
        long = self.n_in_long / max(self.counts.sum(), 1)
        if long >= MANY_LONG:
            yield (
                f"{long:.0%} of the pieces are in sentences of more than {LONG}, of "
                "which a sequence of that length shows only a part. If lines are "
                "paragraphs, set [corpus] sentences = 'sentencizer'."
            )
        rare = float((self.counts < RARE).mean())
        if rare >= MANY_RARE and not from_checkpoint:
            yield (
                f"{rare:.0%} of the vocabulary's {wordpiece.n_pieces:,} pieces occur "
                f"less than {RARE} times, too seldom to be learned. Learn a smaller "
                "vocabulary from this text, add text, or start from a checkpoint."
            )


_EXTEND = (
    "Add pieces of this text to the checkpoint's: [vocabulary] extend_vocab = 500."
)
_LEARN = (
    "Learn a vocabulary from this text with 'spacy bert vocab', or give [vocabulary] a "
    "larger size."
)


def _list_examples(repeats: Repeats) -> str:
    examples = repeats.examples(_N_EXAMPLES)
    return ", ".join(f"{text!r} ({n:,} times)" for text, n in examples)
