"""Public English data -> train.spacy, dev.spacy and test.spacy, a function each."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training.converters import conllu_to_docs

from spacy_bert.tasks.qa.squad_files import read_squad

from .splits import (
    Row,
    Splits,
    make_pair,
    make_question,
    read_rows,
    with_cats,
    with_class,
)
from .wnut17 import FILES, make_tagged_doc, read_conll

# The class of CLINC150 that the others leave.
OUT_OF_SCOPE = "out_of_scope"


def wnut17(data: Path, nlp: Language) -> Splits:
    return {k: _entities(data / "wnut17" / name, nlp) for k, name in FILES.items()}


def bc5cdr(data: Path, nlp: Language) -> Splits:
    """The dev split has 1,000 sentences, as each run is scored on them twice."""
    names = {"train": "train", "dev": "devel", "test": "test"}
    splits = {k: _entities(data / "bc5cdr" / f"{n}.tsv", nlp) for k, n in names.items()}
    return {**splits, "dev": splits["dev"][:1000]}


def sst2(data: Path, nlp: Language) -> Splits:
    """The 8,000 training phrases with the most words: sentences, mostly."""
    splits = {}
    for split in ("train", "dev", "test"):
        path = data / "sst2" / f"{split}.tsv"
        lines = path.read_text(encoding="utf8").splitlines()[1:]
        if split == "train":
            lines = sorted(lines, key=lambda line: -line.count(" "))[:8000]
        docs = []
        for line in lines:
            label, text = line.split("\t", 1)
            cats = {"POSITIVE": float(label == "1"), "NEGATIVE": float(label == "0")}
            docs.append(with_cats(nlp.make_doc(text.strip()), cats))
        splits[split] = docs
    return splits


def banking77(data: Path, nlp: Language) -> Splits:
    """The last 1,000 training questions, shuffled, are the dev split."""
    rows = {
        split: read_rows(data / "banking77" / f"{split}.csv")
        for split in ("train", "test")
    }
    random.Random(0).shuffle(rows["train"])
    rows["dev"] = rows["train"][-1000:]
    del rows["train"][-1000:]
    labels = sorted({row["category"] for row in rows["train"]})
    return {
        split: [
            with_class(
                nlp.make_doc(" ".join(row["text"].split())), row["category"], labels
            )
            for row in some
        ]
        for split, some in rows.items()
    }


def clinc150(data: Path, nlp: Language) -> Splits:
    """150 intents; a question that is out of scope has none."""
    path = data / "clinc_oos" / "data_full.json"
    rows = json.loads(path.read_text(encoding="utf8"))
    labels = sorted({label for _, label in rows["train"]})
    names = {"train": "train", "dev": "val", "test": "test"}
    return {
        split: [
            with_class(nlp.make_doc(text), label, labels)
            for text, label in rows[name] + rows[f"oos_{name}"]
        ]
        for split, name in names.items()
    }


def clinc151(data: Path, nlp: Language) -> Splits:
    """The same as one class of 151: 100 training questions of 15,100 are out of scope,
    as many as of each intent, and 1,000 test questions of 5,500."""
    splits = clinc150(data, nlp)
    for docs in splits.values():
        for doc in docs:
            doc.cats[OUT_OF_SCOPE] = float(not any(doc.cats.values()))
    return splits


def ud_ewt(data: Path, nlp: Language) -> Splits:
    """Ten sentences a Doc."""
    splits = {}
    for split in ("train", "dev", "test"):
        path = data / "ud_en_ewt" / f"en_ewt-ud-{split}.conllu"
        text = path.read_text(encoding="utf8")
        splits[split] = list(conllu_to_docs(text, n_sents=10, no_print=True))
    return splits


def gum(data: Path, nlp: Language) -> Splits:
    """Spans of at most 8 tokens, nested too; ten sentences a Doc."""
    splits: Splits = {"train": [], "dev": [], "test": []}
    path = data / "gum" / "gum_spans.jsonl"
    for line in path.read_text(encoding="utf8").splitlines():
        record = json.loads(line)
        if record["split"] in splits:
            splits[record["split"]].extend(_span_docs(record, nlp))
    return splits


def sick_entailment(data: Path, nlp: Language) -> Splits:
    labels = ("ENTAILMENT", "NEUTRAL", "CONTRADICTION")
    return {
        split: [with_class(doc, row["entailment_label"], labels) for doc, row in pairs]
        for split, pairs in _sick(data, nlp).items()
    }


def sick_relatedness(data: Path, nlp: Language) -> Splits:
    return {
        split: [
            with_cats(doc, {"relatedness": float(row["relatedness_score"])})
            for doc, row in pairs
        ]
        for split, pairs in _sick(data, nlp).items()
    }


def squad(data: Path, nlp: Language) -> Splits:
    """v1.1: by title, the first 36 articles train, two are dev, the last 10 test."""
    return _questions(data / "squad" / "dev-v1.1.json", 36, nlp)


def squad2(data: Path, nlp: Language) -> Splits:
    """v2.0, of 35 articles: 23, two and ten."""
    return _questions(data / "squad" / "dev-v2.0.json", 23, nlp)


def _questions(path: Path, n_train: int, nlp: Language) -> Splits:
    articles = json.loads(path.read_text(encoding="utf8"))["data"]
    articles.sort(key=lambda article: article["title"])
    of_context = {}
    for i, article in enumerate(articles):
        split = "train" if i < n_train else "dev" if i < n_train + 2 else "test"
        for paragraph in article["paragraphs"]:
            of_context[paragraph["context"]] = split
    splits: Splits = {"train": [], "dev": [], "test": []}
    for question in read_squad(path).questions:
        splits[of_context[question.context]].append(make_question(nlp, question))
    return splits


def _entities(path: Path, nlp: Language) -> list[Doc]:
    return [make_tagged_doc(nlp.vocab, *text) for text in read_conll(path)]


def _span_docs(record: dict[str, Any], nlp: Language) -> Iterator[Doc]:
    sentences = record["sentences"]
    for i in range(0, len(sentences), 10):
        first, end = sentences[i][0], sentences[min(i + 10, len(sentences)) - 1][1]
        doc = Doc(nlp.vocab, words=record["tokens"][first:end])
        doc.spans["sc"] = [
            Span(doc, start - first, stop - first, label=label)
            for start, stop, label in record["spans"]
            if first <= start and stop <= end and stop - start <= 8
        ]
        yield doc


def _sick(data: Path, nlp: Language) -> dict[str, list[tuple[Doc, Row]]]:
    rows = read_rows(data / "sick" / "SICK.full-kkalouli.txt")
    names = {"train": "TRAIN", "dev": "TRIAL", "test": "TEST"}
    return {
        split: [
            (make_pair(nlp, row["sentence_A"], row["sentence_B"]), row)
            for row in rows
            if row["SemEval_set"] == name
        ]
        for split, name in names.items()
    }
