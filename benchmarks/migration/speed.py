"""Words a second of a pipeline of spacy-transformers, and of what it is migrated to."""

import shutil
from functools import partial
from pathlib import Path

import spacy
from spacy.language import Language

from spacy_bert.interop.migrated_pipeline import migrate_pipeline

from ..encoder.systems import spacy_transformers
from ..encoder.texts import make_examples, read_texts, read_tweets
from ..measuring import rates
from ..store import Row

_STEPS, _BATCH = 20, 32


def speed(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """With `ner` and `textcat`; also the percentage of Docs whose entities and classes
    are the same."""
    old_path, new_path = work / "old", work / "migrated"
    shutil.rmtree(new_path, ignore_errors=True)
    _train_old(data).to_disk(old_path)
    migrate_pipeline(old_path, new_path)
    pipelines = {"old": spacy.load(old_path), "migrated": spacy.load(new_path)}
    rows: dict[str, Row] = {}
    for kind, texts in read_texts(data).items():
        n_words = sum(len(pipelines["old"].make_doc(text)) for text in texts)
        runs = {
            name: partial(_predictions, nlp, texts) for name, nlp in pipelines.items()
        }
        row: Row = rates("words/s", n_words, runs, n_rounds=n_rounds)
        pairs = zip(*(run() for run in runs.values()), strict=True)
        n_same = sum(one == other for one, other in pairs)
        row["migrated"]["same predictions, % of Docs"] = 100 * n_same / len(texts)
        rows[kind] = row
    return rows


def _train_old(data: Path) -> Language:
    """So far that it finds something."""
    nlp = spacy_transformers(heads=True)
    examples = make_examples(read_tweets(data)[: _STEPS * _BATCH], 1)(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 1e-4
    for i in range(0, len(examples), _BATCH):
        nlp.update(examples[i : i + _BATCH], sgd=optimizer)
    return nlp


def _predictions(nlp: Language, texts: list[str]) -> list[tuple[object, str]]:
    return [
        (
            [(ent.start, ent.end, ent.label_) for ent in doc.ents],
            max(doc.cats, key=lambda label: doc.cats[label]),
        )
        for doc in nlp.pipe(texts)
    ]
