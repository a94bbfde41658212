"""Five heads on one encoder against five pipelines of one head each: words a second."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.training import Corpus, Example

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import head_config

from ..encoder.systems import through_pipe
from ..encoder.texts import read_texts
from ..encoder.timing import interleaved
from ..spacy_runs import minilm
from .datasets import prepare

_HEADS = ("textcat", "bert_ner", "tagger", "morphologizer", "senter")


def measure(data: Path, work: Path, n_rounds: int = 3) -> dict[str, float]:
    """Sentences of wiki text, with all five tasks done."""
    prepare("ud_ewt", data, work / "ud_ewt")
    texts = read_texts(data)["sentences"]
    shared = _pipeline(work, *_HEADS)
    alone = [_pipeline(work, head) for head in _HEADS]
    n_words = sum(len(shared.make_doc(text)) for text in texts)

    def run_alone() -> None:
        for nlp in alone:
            through_pipe(nlp, 1000)(texts)

    runs: dict[str, Callable[[], object]] = {
        "shared": partial(through_pipe(shared, 1000), texts),
        "alone": run_alone,
    }
    seconds = interleaved(runs, n_rounds=n_rounds)
    return {name: n_words / taken for name, taken in seconds.items()}


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
