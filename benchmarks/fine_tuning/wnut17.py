"""WNUT-17's files.

An I- tag in them that continues nothing is read as B-.
"""

from pathlib import Path

from spacy.tokens import Doc
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from spacy.vocab import Vocab

FILES = {
    "train": "wnut17train.conll",
    "dev": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


def make_tagged_doc(vocab: Vocab, words: list[str], tags: list[str]) -> Doc:
    """tags: BIO."""
    doc = Doc(vocab, words=words)
    doc.ents = biluo_tags_to_spans(doc, iob_to_biluo(tags))
    return doc


def read_conll(path: Path) -> list[tuple[list[str], list[str]]]:
    """Words and BIO tags of each text."""
    texts = []
    for block in path.read_text(encoding="utf8").replace("\t\n", "\n").split("\n\n"):
        rows = [line.split("\t") for line in block.splitlines() if line.strip()]
        if rows:
            texts.append(([row[0] for row in rows], _mended([r[1] for r in rows])))
    return texts


def _mended(tags: list[str]) -> list[str]:
    """BIO tags in which an I- that continues nothing is a B-."""
    result: list[str] = []
    for tag in tags:
        inside = tag.startswith("I-") and result and result[-1][2:] == tag[2:]
        result.append(tag if inside or not tag.startswith("I-") else f"B-{tag[2:]}")
    return result
