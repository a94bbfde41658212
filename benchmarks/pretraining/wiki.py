"""What all take: wiki_en, a vocabulary of it, its indexes, and the shape of a model."""

import os
from dataclasses import dataclass
from pathlib import Path

from spacy_bert.corpus.documents import CorpusConfig, Splitter
from spacy_bert.corpus.index.building import open_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.corpus.vocabulary import (
    VocabularyConfig,
    learn_vocabulary,
    load_vocabulary,
)
from spacy_bert.interop.sentences import make_splitter

_N_LEARNED = 8192


@dataclass(frozen=True)
class Text:
    """data: where the benchmarks' public data are; work: what is made of them."""

    data: Path
    work: Path
    vocabulary: Path
    index: Path


def learned_text(data: Path, work: Path) -> Text:
    """With a vocabulary learned from it. Both are made if they are not there yet."""
    vocabulary = work / "vocab.txt"
    if not vocabulary.exists():
        config = VocabularyConfig(path=str(vocabulary), size=_N_LEARNED)
        learn_vocabulary(wiki_corpus(data), config)
    return _indexed(data, work, vocabulary)


def published_text(data: Path, work: Path) -> Text:
    """With bert-base-uncased's vocabulary, 30,522 pieces."""
    return _indexed(data, work, data / "vocab" / "bert-base-uncased" / "vocab.txt")


def wiki_corpus(data: Path) -> CorpusConfig:
    return CorpusConfig(path=str(data / "wiki_en"), sentences="sentencizer")


def wiki_splitter() -> Splitter | None:
    """With words, so that one index serves all ways of masking."""
    return make_splitter("sentencizer", "en", finds_words=True)


def _indexed(data: Path, work: Path, vocabulary: Path) -> Text:
    tokenizer = load_vocabulary(VocabularyConfig(path=str(vocabulary)))
    index = work / f"index of {tokenizer.n_pieces} pieces"
    plan = plan_index(wiki_corpus(data), tokenizer=tokenizer, splitter=wiki_splitter())
    open_index(index, plan, n_process=os.cpu_count() or 1)
    return Text(data, work, vocabulary, index)
