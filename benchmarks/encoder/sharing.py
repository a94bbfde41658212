"""Five heads on one encoder against five pipelines of one head each: words a second."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.training import Corpus, Example

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import head_config

from ..fine_tuning.datasets import prepare
from ..measuring import rates
from ..spacy_runs import minilm
from ..store import Row
from .systems import through_pipe
from .texts import read_texts

_HEADS = ("textcat", "bert_ner", "tagger", "morphologizer", "senter")


def sharing(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Words a second of wiki text, with all five tasks done."""
    prepare("ud_ewt", data, work / "ud_ewt")
    texts = read_texts(data)["sentences"]
    pipelines = {
        "one encoder": [_pipeline(work, *_HEADS)],
        "five pipelines": [_pipeline(work, head) for head in _HEADS],
    }
    n_words = sum(len(spacy.blank("en").make_doc(text)) for text in texts)
    runs = {name: partial(_tag, some, texts) for name, some in pipelines.items()}
    row: Row = rates("words/s", n_words, runs, n_rounds=n_rounds)
    return {"five heads, sentences": row}


def _tag(pipelines: Sequence[Language], texts: list[str]) -> None:
    for nlp in pipelines:
        through_pipe(nlp, 1000)(texts)


def _pipeline(work: Path, *heads: str) -> Language:
    nlp = spacy.blank("en")
    add_encoder(nlp, minilm())
    for head in heads:
        nlp.add_pipe(head, config=head_config(head, width=384))
    examples = list(Corpus(work / "ud_ewt" / "dev.spacy", limit=50)(nlp))
    nlp.initialize(lambda: [_labelled(example) for example in examples])
    return nlp


def _labelled(example: Example) -> Example:
    """With what the treebank lacks, so that every head has something to learn."""
    doc = example.reference
    doc.cats = {"LONG": float(len(doc) > 100), "SHORT": float(len(doc) <= 100)}
    doc.ents = [spacy.tokens.Span(doc, 0, 1, label="FIRST")]
    return example
