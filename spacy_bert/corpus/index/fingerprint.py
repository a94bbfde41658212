"""What an index is made of, so that a change is noticed and named."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...checked import describe_error
from ...tokenization import PieceTokenizer
from ..documents import (
    CorpusConfig,
    Splitter,
    find_sources,
    read_documents,
    shard_bytes,
)
from ..held_out import HeldOut, choose_held_out
from ..sources import Source

FORMAT_VERSION = 3

# What `Source.record` gives.
_RECORDS = TypeAdapter(list[tuple[str, str, int, int | None, int, int, str]])

_NAMES = {
    "format": "the format of the index",
    "vocabulary": "the vocabulary",
    "sentences": "[corpus] sentences",
    "words": "whether words are found, for [pretraining] masking,",
    "settings": "[corpus.settings]",
    "held_out_ratio": "[corpus] held_out_ratio",
    "held_out": "what is held out",
}


@dataclass(frozen=True, kw_only=True)
class IndexPlan:
    """All that an index, or a shard of it, is made of.

    settings: the readers'.
    one_a_line: whether the text has a sentence a line.
    held_out: what is held out of the whole corpus, once it was read for that.
    """

    sources: Sequence[Source]
    settings: Mapping[str, Any]
    tokenizer: PieceTokenizer
    splitter: Splitter | None
    held_out_ratio: float
    one_a_line: bool = False
    held_out: HeldOut | None = None

    @property
    def finds_words(self) -> bool:
        return self.splitter is not None and self.splitter.finds_words

    @property
    def n_bytes(self) -> int:
        return sum(source.n_bytes for source in self.sources)

    def find_held_out(self) -> HeldOut:
        """Reads the first documents, or all of a small corpus, unless that is done."""
        return self.held_out or choose_held_out(
            read_documents(self.sources, self.settings),
            self.held_out_ratio,
            one_a_line=self.one_a_line,
        )

    def shards(self) -> list["IndexPlan"]:
        """The same for ranges of the text, in its order."""
        least = shard_bytes(self.n_bytes)
        groups: list[list[Source]] = []
        n_bytes = least
        for source in self.sources:
            if n_bytes >= least:
                groups.append([])
                n_bytes = 0
            groups[-1].append(source)
            n_bytes += source.n_bytes
        return [replace(self, sources=group) for group in groups]


def plan_index(
    corpus: CorpusConfig, *, tokenizer: PieceTokenizer, splitter: Splitter | None
) -> IndexPlan:
    """Nothing of the text is read yet. Raises FileNotFoundError or ValueError if
    there is none."""
    return IndexPlan(
        sources=find_sources(corpus),
        settings=corpus.settings,
        tokenizer=tokenizer,
        splitter=splitter,
        held_out_ratio=corpus.held_out_ratio,
        one_a_line=corpus.sentences == "lines",
    )


def make_fingerprint(plan: IndexPlan, records: Sequence[list[Any]]) -> dict[str, Any]:
    """Plain values, fit for JSON. `records` are those of the plan's sources."""
    return _recipe(plan) | {"sources": list(records)}


def describe_change(old: Mapping[str, Any], plan: IndexPlan) -> str | None:
    """How the plan differs from a fingerprint, in words; None if it does not.

    Reads only files whose size or time is another.
    """
    changes = []
    sources = _describe_sources(old.get("sources", []), plan.sources)
    if sources:
        changes.append(sources)
    for key, value in _recipe(plan).items():
        if old.get(key) == value:
            continue
        values = f" from {old.get(key)!r} to {value!r}"
        if key == "vocabulary":
            values = " (its pieces, or lowercase, strip_accents or split_chinese)"
        changes.append(f"{_NAMES[key]} changed{values}")
    return "; ".join(changes) or None


def _recipe(plan: IndexPlan) -> dict[str, Any]:
    return {
        "format": FORMAT_VERSION,
        "vocabulary": hash_tokenizer(plan.tokenizer),
        "sentences": plan.splitter.name if plan.splitter else "lines",
        "words": plan.finds_words,
        "settings": dict(plan.settings),
        "held_out_ratio": plan.held_out_ratio,
        # A shard has it: another file of the corpus may change it.
        "held_out": plan.held_out.record() if plan.held_out else None,
    }


def _describe_sources(records: Any, sources: Sequence[Source]) -> str | None:
    try:
        _RECORDS.validate_python(records)
    except ValidationError as error:
        return f"what is known of its corpus is damaged ({describe_error(error)})"
    before = list(dict.fromkeys(name for name, *_ in records))
    after = list(dict.fromkeys(source.name for source in sources))
    if len(before) != len(after):
        return f"the corpus had {len(before)} files and has {len(after)}"
    if before != after:
        return "the corpus files have other names or another order"
    for record, source in zip(records, sources, strict=False):
        if record[1] != source.reader:
            return f"{source.name} was read as {record[1]!r}, now as {source.reader!r}"
        if not source.is_as(record):
            return f"the corpus file {source.name} changed"
    if len(records) != len(sources):
        return "the corpus files have other sizes"
    return None


def hash_tokenizer(tokenizer: PieceTokenizer) -> str:
    digest = hashlib.blake2b("\n".join(tokenizer.pieces).encode("utf8"), digest_size=16)
    digest.update(repr(tuple(tokenizer.settings.values())).encode("utf8"))
    digest.update(tokenizer.further_rules.encode("utf8"))
    return digest.hexdigest()
