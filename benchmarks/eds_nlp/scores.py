"""A data set, a system and a seed -> F, the error of its confidence, and minutes."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.scorer import PRFScore
from spacy.tokens import Doc, DocBin

from spacy_bert.tasks.calibration.events import Events

from ..fine_tuning.datasets import prepare
from ..fine_tuning.recipe import Recipe
from ..fine_tuning.training import trained
from ..store import Result
from .process import open_peer

DATASETS = {"WNUT-17": "wnut17", "BC5CDR": "bc5cdr"}
# The rates of the transformer and of the rest: EDS-NLP's default, and two for a small
# BERT.
_RATES = ((5e-5, 3e-4), (1e-4, 1e-3), (3e-4, 1e-3))
_N_STEPS = 150
# In the minutes of the peer's.
_OUR_STEPS = 450
# What `init-config` writes for MiniLM.
_OUR_RATE = 1e-4

# System -> the settings of its training.
PEERS: dict[str, dict[str, Any]] = {
    f"EDS-NLP{name}, {rate:g} and {head_rate:g}": {
        "has_convolution": bool(name),
        "rate": rate,
        "head_rate": head_rate,
        "n_steps": _N_STEPS,
    }
    for name in ("", " with text_cnn")
    for rate, head_rate in _RATES
}
OURS: dict[str, dict[str, Any]] = {
    f"ours, {n_steps} steps": {"n_steps": n_steps} for n_steps in (_N_STEPS, _OUR_STEPS)
}
SYSTEMS = OURS | PEERS

# An entity: its first token, that after its last, its label and its confidence.
Entity = tuple[int, int, str, float]


def measure_scores(
    *,
    row: str,
    system: str,
    seed: int,
    data: Path,
    work: Path,
    python: Path,
    n_steps: int | None = None,
) -> Result:
    """Both have batches of 2,000 words and dropout of 0.1, and see dev twice. For
    ours the step that is best on dev counts, for the peer the last.

    n_steps: for a trial.
    """
    corpus = work / DATASETS[row]
    prepare(DATASETS[row], data, corpus)
    settings = dict(SYSTEMS[system])
    settings["n_steps"] = n_steps or settings["n_steps"]
    train = _train_ours if system in OURS else partial(_train_peer, python)
    return train(system, corpus=corpus, work=work, data=data, seed=seed, **settings)


def _train_ours(
    system: str, *, corpus: Path, work: Path, data: Path, seed: int, n_steps: int
) -> Result:
    recipe = Recipe(
        dataset=corpus.name,
        scores=("ents_f",),
        n_steps=n_steps,
        learn_rate=_OUR_RATE,
        systems={system: {"bert_ner": {}}},
    )

    def change(config: Any) -> None:
        config["training"]["batcher"]["size"] = 2000

    with trained(recipe, system, seed, data=data, work=work, change=change) as (
        path,
        minutes,
    ):
        nlp = spacy.load(path)
        found = {
            split: [
                [(e.start, e.end, e.label_, e._.confidence) for e in doc.ents]
                for doc in nlp.pipe(_without_entities(_read(corpus, split)))
            ]
            for split in ("dev", "test")
        }
    return {**minutes, **describe(corpus, found)}


def _train_peer(
    python: Path,
    system: str,
    *,
    corpus: Path,
    work: Path,
    data: Path,
    seed: int,
    has_convolution: bool,
    **settings: Any,
) -> Result:
    folder = work / "runs" / f"{corpus.name} {system} {seed}"
    folder.mkdir(parents=True, exist_ok=True)
    with open_peer(python, folder / "log") as peer:
        versions = peer.open(corpus / "train.spacy", has_convolution=has_convolution)
        answer = peer.ask(
            "train",
            dev=corpus / "dev.spacy",
            test=corpus / "test.spacy",
            folder=folder,
            seed=seed,
            **settings,
        )
    found = {split: answer.pop(split) for split in ("dev", "test")}
    return {**answer, **describe(corpus, found), "note": versions}


def describe(corpus: Path, found: dict[str, list[list[Entity]]]) -> dict[str, Any]:
    """F in each split, and what confidence was worth in test, in percent."""
    golds = {split: _read(corpus, split) for split in found}
    scores: dict[str, Any] = {
        f"{split} F": _f(golds[split], found[split]) for split in found
    }
    events = _events(golds["test"], found["test"])
    if len(events.probs):
        precision, share = events.kept(0.9)
        scores["calibration error"] = 100 * events.calibration_error()
        scores["right from 0.9"] = 100 * precision
        scores["kept from 0.9"] = 100 * share
    return scores


def _f(golds: Sequence[Doc], found: Sequence[Sequence[Entity]]) -> float:
    score = PRFScore()
    for doc, entities in zip(golds, found, strict=True):
        score.score_set({tuple(e[:3]) for e in entities}, _gold(doc))
    return 100 * float(score.fscore)


def _events(golds: Sequence[Doc], found: Sequence[Sequence[Entity]]) -> Events:
    pairs = [
        (entity[3], tuple(entity[:3]) in _gold(doc))
        for doc, entities in zip(golds, found, strict=True)
        for entity in entities
    ]
    return Events(
        probs=np.array([prob for prob, _ in pairs]),
        is_right=np.array([is_right for _, is_right in pairs], bool),
    )


def _gold(doc: Doc) -> set[tuple[int, int, str]]:
    return {(ent.start, ent.end, ent.label_) for ent in doc.ents}


def _read(corpus: Path, split: str) -> list[Doc]:
    path = corpus / f"{split}.spacy"
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def _without_entities(docs: Iterable[Doc]) -> list[Doc]:
    return [Doc(doc.vocab, [token.text for token in doc]) for doc in docs]
