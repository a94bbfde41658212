"""The text as transformers' run_mlm.py takes it: lines, each [CLS] ... [SEP], laid end
to end and cut every 128 pieces."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spacy_bert.corpus.documents import find_sources, read_documents
from spacy_bert.corpus.held_out import split_hash
from spacy_bert.corpus.vocabulary import VocabularyConfig, load_vocabulary

from ..shapes import LENGTH
from .wiki import Text, wiki_corpus

Blocks = NDArray[np.uint16]

_AT_ONCE = 1000


def open_blocks(text: Text, *, held_out: bool = False) -> Blocks:
    """(n_blocks, 128), made if they are not there yet. Held out are the documents
    that the index holds out."""
    path = text.work / f"{'held out' if held_out else 'train'} blocks.npy"
    if not path.exists():
        ids = list(_encoded(_lines(text.data, held_out=held_out), text.vocabulary))
        joined = np.concatenate(ids)
        n_blocks = len(joined) // LENGTH
        np.save(path, joined[: n_blocks * LENGTH].reshape(n_blocks, LENGTH))
    blocks: Blocks = np.load(path, mmap_mode="r")
    return blocks


def _lines(data: Path, *, held_out: bool) -> Iterator[str]:
    corpus = wiki_corpus(data)
    for lines in read_documents(find_sources(corpus), corpus.settings):
        if (split_hash(lines) < corpus.held_out_ratio) == held_out:
            yield from lines


def _encoded(lines: Iterator[str], vocabulary: Path) -> Iterator[Blocks]:
    tokenizer = load_vocabulary(VocabularyConfig(path=str(vocabulary)))
    while some := list(islice(lines, _AT_ONCE)):
        for ids in tokenizer.encode_ids(some):
            whole = [tokenizer.cls_id, *ids, tokenizer.sep_id]
            yield np.array(whole, dtype=np.uint16)
