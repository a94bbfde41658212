"""A small repetitive corpus, its words, splits of an index made by hand, and the log of
a run."""

import json
import os
import signal
from pathlib import Path
from random import Random

import numpy as np

from spacy_bert.corpus.documents import Sentence
from spacy_bert.corpus.index.files import CorpusSplit
from spacy_bert.corpus.index.offsets import Offsets

PIECES = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] the a cat dog river bank money sat ran on by in "
    "was and it of to . ! ? un ##aff ##able ##s"
).split()

SUBJECTS = {"cat": "sat on the river bank", "dog": "ran to the money"}


def make_documents(n_documents: int, seed: int = 0) -> str:
    """Documents that keep to one subject, sentences whose words follow from it."""
    random = Random(seed)
    documents = []
    for _ in range(n_documents):
        subject = random.choice(list(SUBJECTS))
        sentences = [
            f"{random.choice(['the', 'a'])} {subject} {SUBJECTS[subject]} "
            f"{random.choice(['.', '!', '?'])}"
            for _ in range(random.randint(1, 8))
        ]
        documents.append("\n".join(sentences) + "\n")
    return "\n".join(documents)


def make_split(
    documents: list[list[int]], *, word_starts: list[bool] | None = None
) -> CorpusSplit:
    """[[3, 2], [4]]: the lengths of the sentences of each document. Piece i of the
    split has the id i, so that a range of pieces can be read off."""
    lengths = [length for document in documents for length in document]
    return CorpusSplit(
        piece_ids=np.arange(sum(lengths), dtype=np.uint32),
        sentence_offsets=Offsets(np.cumsum([0, *lengths])),
        document_offsets=Offsets(np.cumsum([0, *map(len, documents)])),
        word_starts=(
            None if word_starts is None else np.packbits(word_starts, bitorder="little")
        ),
    )


def split_into_pairs(paragraphs, *, deadly=False):
    """Two words are a sentence, and each is a word of it."""
    if deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return [list(_pairs(text.split())) for text in paragraphs]


def _pairs(words):
    for i in range(0, len(words), 2):
        pair = words[i : i + 2]
        yield Sentence(" ".join(pair), [0, len(pair[0]) + 1][: len(pair)])


def read_log(output: Path) -> list[dict]:
    lines = (output / "log.jsonl").read_text(encoding="utf8").splitlines()
    return [json.loads(line) for line in lines]
