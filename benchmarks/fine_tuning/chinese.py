"""Public Chinese data -> train.spacy, dev.spacy and test.spacy, a function each."""

import json
from itertools import groupby
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from spacy_bert.tasks.qa.squad_files import read_squad

from .splits import Splits, make_pair, make_question, read_rows, with_class
from .wnut17 import make_tagged_doc


def chnsenticorp(data: Path, nlp: Language) -> Splits:
    return {
        split: [
            with_class(nlp.make_doc(row["text_a"]), row["label"], ("0", "1"))
            for row in read_rows(data / "chnsenticorp" / f"{split}.tsv")
        ]
        for split in ("train", "dev", "test")
    }


def ocnli(data: Path, nlp: Language) -> Splits:
    """The labels of the test split are not public: dev is the test split, and the last
    1,000 pairs of the training data are dev."""
    train, test = (
        [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
        for path in (data / "ocnli" / f"{name}.json" for name in ("train.10k", "dev"))
    )
    labels = ("entailment", "neutral", "contradiction")
    return {
        split: [
            with_class(
                make_pair(nlp, row["sentence1"], row["sentence2"]), row["label"], labels
            )
            for row in some
            if row["label"] in labels
        ]
        for split, some in (
            ("train", train[:-1000]),
            ("dev", train[-1000:]),
            ("test", test),
        )
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
            make_question(nlp, question)
            for question in read_squad(path, misplaced="skip").questions
        ]
        for path in sorted((data / "cmrc2018").glob("*.json"), reverse=True)
    )
    return {"train": train[:-500], "dev": train[-500:], "test": test}


def cmrc2018_part(data: Path, nlp: Language) -> Splits:
    """The same with 2,000 training questions: the first ones, with all questions on
    each of their contexts but the last."""
    splits = cmrc2018(data, nlp)
    return {**splits, "train": splits["train"][:2000]}


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
