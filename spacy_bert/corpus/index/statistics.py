"""Statistics of a corpus, counted while its index is built."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tokenization import PieceTokenizer
from ..duplicates import DuplicateSketch
from ..sources import Source
from .tokenized import TokenizedDocument

# Shorter lines, such as headings, repeat naturally.
LEAST_CHARS = 40
# In English Wikipedia, cut by spaCy's sentencizer, 0.5 % of the pieces are in longer
# sentences than this; with a paragraph a line, 36 %.
LONG = 128


@dataclass(kw_only=True)
class CorpusStatistics:
    """counts: how often each piece occurs, (n_pieces_of_the_vocabulary,).
    n_single: documents of one sentence. n_in_long: pieces in sentences of more than
    LONG. n_files: files of plain text. n_several: those of several documents, and
    n_in_files: documents in all of them."""

    counts: NDArray[np.int64]
    n_documents: int = 0
    n_single: int = 0
    n_in_long: int = 0
    n_files: int = 0
    n_several: int = 0
    n_in_files: int = 0
    documents: DuplicateSketch = field(default_factory=DuplicateSketch)
    lines: DuplicateSketch = field(default_factory=DuplicateSketch)

    def add(self, documents: Sequence[TokenizedDocument]) -> None:
        """Documents that have a sentence."""
        ids = chain.from_iterable(chain.from_iterable(d.sentences for d in documents))
        new = np.fromiter(ids, np.int64)
        self.counts += np.bincount(new, minlength=len(self.counts))
        self.n_documents += len(documents)
        self.n_single += sum(len(d.sentences) == 1 for d in documents)
        lengths = (len(ids) for d in documents for ids in d.sentences)
        self.n_in_long += sum(n for n in lengths if n > LONG)
        self.documents.add("\n".join(d.lines) for d in documents)
        lines = chain.from_iterable(d.lines for d in documents)
        self.lines.add(line for line in lines if len(line) >= LEAST_CHARS)

    def add_source(self, source: Source, n_documents: int) -> None:
        """A file that was read, or a range of one."""
        if source.reader == "text":
            self.n_files += source.start == 0
            self.n_several += source.start == 0 and n_documents > 1
            self.n_in_files += n_documents

    def merge(self, other: "CorpusStatistics") -> None:
        self.counts += other.counts
        self.n_documents += other.n_documents
        self.n_single += other.n_single
        self.n_in_long += other.n_in_long
        self.n_files += other.n_files
        self.n_several += other.n_several
        self.n_in_files += other.n_in_files
        self.documents.merge(other.documents)
        self.lines.merge(other.lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "counts": self.counts.tolist(),
            "n_documents": self.n_documents,
            "n_single": self.n_single,
            "n_in_long": self.n_in_long,
            "n_files": self.n_files,
            "n_several": self.n_several,
            "n_in_files": self.n_in_files,
            "documents": self.documents.to_json(),
            "lines": self.lines.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "CorpusStatistics":
        return cls(
            counts=np.array(values["counts"], dtype=np.int64),
            n_documents=values["n_documents"],
            n_single=values["n_single"],
            n_in_long=values["n_in_long"],
            n_files=values["n_files"],
            n_several=values["n_several"],
            n_in_files=values["n_in_files"],
            documents=DuplicateSketch.from_json(values["documents"]),
            lines=DuplicateSketch.from_json(values["lines"]),
        )

    def unknown_ratio(self, tokenizer: PieceTokenizer) -> float:
        n_unknown = 0 if tokenizer.unk_id is None else self.counts[tokenizer.unk_id]
        return float(n_unknown / max(self.counts.sum(), 1))

    def n_words(self, tokenizer: PieceTokenizer) -> int:
        """As BERT counts: punctuation marks are words, too."""
        return int(self.counts[tokenizer.begins_word].sum())
