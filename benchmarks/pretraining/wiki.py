"""What all take: wiki_en, a vocabulary of it, its indexes, and the shape of a model."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy_bert.corpus.documents import CorpusConfig, Splitter
from spacy_bert.corpus.index.building import open_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.corpus.vocabulary import (
    VocabularyConfig,
    learn_vocabulary,
    load_vocabulary,
)
from spacy_bert.interop.sentences import make_splitter

LENGTH = 128
_N_LEARNED = 8192
# google-research/bert's smaller models have heads of this width, and the paper's all.
_HEAD_WIDTH = 64


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


def sizes(shape: str, *, dropout: float) -> dict[str, Any]:
    """ "L4 H256" -> fields of BertConfig"""
    found = re.fullmatch(r"L(\d+) H(\d+)", shape)
    if not found:
        raise ValueError(f"Expected a shape such as 'L4 H256', got {shape!r}.")
    n_layers, width = map(int, found.groups())
    return {
        "n_layers": n_layers,
        "hidden_width": width,
        "n_heads": width // _HEAD_WIDTH,
        "intermediate_width": 4 * width,
        "max_positions": LENGTH,
        "hidden_dropout_prob": dropout,
        "attention_dropout_prob": dropout,
    }


def _indexed(data: Path, work: Path, vocabulary: Path) -> Text:
    wordpiece = load_vocabulary(VocabularyConfig(path=str(vocabulary)))
    index = work / f"index of {wordpiece.n_pieces} pieces"
    plan = plan_index(wiki_corpus(data), wordpiece=wordpiece, splitter=wiki_splitter())
    open_index(index, plan, n_process=os.cpu_count() or 1)
    return Text(data, work, vocabulary, index)
