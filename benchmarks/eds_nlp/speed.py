"""Words a second of training and of prediction, in turns with the peer's process."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_bert import add_encoder
from spacy_bert.tasks.starter_config import head_config

from ..encoder.texts import make_examples, read_tweets
from ..fine_tuning.datasets import prepare
from ..measuring import rates
from ..spacy_runs import minilm
from ..store import Row
from .process import open_peer

OURS, PEER, PEER_BFLOAT16 = "ours", "EDS-NLP", "EDS-NLP, bfloat16"
_N_BATCHES, _TWEETS = 3, 64
# bfloat16 takes minutes for more.
_N_PREDICTED = 400
_JOINED = {"tweets": 1, "paragraphs": 8}


def measure_speed(
    *, data: Path, work: Path, python: Path, n_rounds: int
) -> dict[str, Row]:
    """Both with a head for WNUT-17's entities, on the same words. Training: three
    batches of 64 tweets each, or of 8 paragraphs of 8 tweets. Prediction: the first
    Docs of the test data.
    """
    corpus = work / "wnut17"
    prepare("wnut17", data, corpus)
    tweets = read_tweets(data)
    random.Random(0).shuffle(tweets)
    tweets = tweets[: _N_BATCHES * _TWEETS]
    nlp = _pipeline(corpus / "train.spacy")
    rows: dict[str, Row] = {}
    with open_peer(python, work / "eds-nlp speed.log") as peer:
        versions = peer.open(corpus / "train.spacy", has_convolution=False)
        for kind, n_joined in _JOINED.items():
            examples = make_examples(tweets, n_joined)(nlp)
            path = work / f"{kind}.spacy"
            DocBin(docs=[example.reference for example in examples]).to_disk(path)
            peer.ask("keep", name=kind, docs=path)
            size = _TWEETS // n_joined
            n_words = sum(len(example.reference) for example in examples)
            runs: dict[str, Callable[[], object]] = {
                OURS: partial(_update, nlp, examples, size),
                PEER: partial(peer.ask, "update", name=kind, batch_size=size),
            }
            rows[f"training, {kind}"] = rates(
                "words/s", n_words, runs, n_rounds=n_rounds
            )
        docs = list(DocBin().from_disk(corpus / "test.spacy").get_docs(nlp.vocab))
        test = docs[:_N_PREDICTED]
        DocBin(docs=test).to_disk(work / "predicted.spacy")
        peer.ask("keep", name="test", docs=work / "predicted.spacy")
        runs = {OURS: partial(_predict, nlp, test)}
        for name, is_default in ((PEER, False), (PEER_BFLOAT16, True)):
            runs[name] = partial(
                peer.ask, "predict", name="test", has_autocast=is_default
            )
        n_words = sum(map(len, test))
        rows["prediction, tweets"] = rates("words/s", n_words, runs, n_rounds=n_rounds)
    return {
        name: {system: {**one, "note": versions} for system, one in row.items()}
        for name, row in rows.items()
    }


def _pipeline(train: Path) -> Language:
    nlp = spacy.blank("en")
    add_encoder(nlp, minilm())
    nlp.add_pipe("bert_ner", config=head_config("bert_ner", width=384))
    docs = DocBin().from_disk(train).get_docs(nlp.vocab)
    examples = [Example(Doc(nlp.vocab, [t.text for t in doc]), doc) for doc in docs]
    optimizer: Any = nlp.initialize(lambda: examples)
    optimizer.averages = None
    return nlp


def _update(nlp: Language, examples: list[Example], size: int) -> None:
    for i in range(0, len(examples), size):
        batch = [
            Example(eg.predicted.copy(), eg.reference) for eg in examples[i : i + size]
        ]
        nlp.update(batch, drop=0.1)


def _predict(nlp: Language, docs: list[Doc]) -> None:
    copies = [Doc(nlp.vocab, [token.text for token in doc]) for doc in docs]
    for _ in nlp.pipe(copies):
        pass
