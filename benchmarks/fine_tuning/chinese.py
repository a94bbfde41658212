"""Public Chinese data -> train.spacy, dev.spacy and test.spacy, a function each."""

import csv
import json
from itertools import groupby
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_bert.pipeline.segments import RECORD_SEPARATOR, make_pair_doc
from spacy_bert.tasks.squad_files import make_question_doc, read_squad

from .splits import Splits, with_cats
from .wnut17 import make_tagged_doc


def chnsenticorp(data: Path, nlp: Language) -> Splits:
    splits = {}
    for split in ("train", "dev", "test"):
        path = data / "chnsenticorp" / f"{split}.tsv"
        with path.open(encoding="utf8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        splits[split] = [
            with_cats(
                nlp.make_doc(row["text_a"]),
                {name: float(name == row["label"]) for name in ("0", "1")},
            )
            for row in rows
        ]
    return splits


def ocnli(data: Path, nlp: Language) -> Splits:
    """The labels of the test split are not public: dev is the test split, and the last
    1,000 pairs of the training data are dev."""
    rows = {
        name: _json_lines(data / "ocnli" / f"{name}.json")
        for name in ("train.10k", "dev")
    }
    parts = {
        "train": rows["train.10k"][:-1000],
        "dev": rows["train.10k"][-1000:],
        "test": rows["dev"],
    }
    labels = ("entailment", "neutral", "contradiction")
    return {
        split: [
            with_cats(
                make_pair_doc(
                    nlp, row["sentence1"], row["sentence2"], separator=RECORD_SEPARATOR
                ),
                {name: float(name == row["label"]) for name in labels},
            )
            for row in some
            if row["label"] in labels
        ]
        for split, some in parts.items()
    }


def uner_zh(data: Path, nlp: Language) -> Splits:
    folder = data / "uner_zh_gsdsimp"
    return {
        split: _entities(folder / f"zh_gsdsimp-ud-{split}.iob2", nlp)
        for split in ("train", "dev", "test")
    }


def cmrc2018(data: Path, nlp: Language) -> Splits:
    """The test split is not public: dev is the test split, and the last 500 questions
    of the training data are dev."""
    train, test = (
        [
            make_question_doc(
                nlp, question, spans_key="answers", separator=RECORD_SEPARATOR
            )
            for question in read_squad(path, misplaced="skip").questions
        ]
        for path in sorted((data / "cmrc2018").glob("*.json"), reverse=True)
    )
    return {"train": train[:-500], "dev": train[-500:], "test": test}


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def _entities(path: Path, nlp: Language) -> list[Doc]:
    """A word a line, its tag in the third column; a blank line after each sentence."""
    lines = path.read_text(encoding="utf8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    sentences = [
        list(some)
        for is_empty, some in groupby(rows, lambda row: row == [""])
        if not is_empty
    ]
    return [
        make_tagged_doc(nlp.vocab, [row[1] for row in some], [row[2] for row in some])
        for some in sentences
    ]
