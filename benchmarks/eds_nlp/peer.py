"""EDS-NLP, in a process of its own: run with the Python of an environment that has it.

Reads a JSON object a line: {"do": a function of this file, its arguments}. Prints its
answer as a JSON object.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any

import edsnlp
import edsnlp.pipes as eds
import torch
from edsnlp.metrics.ner import NerExactMetric
from edsnlp.training import GenericScorer, TrainingData, train
from edsnlp.training.trainer import default_optim
from spacy.tokens import Doc, DocBin

# As its guide to training entities has them.
_WINDOW, _STRIDE, _CRF_WINDOW = 128, 96, 20
_BATCH = "2000 words"


class Peer:
    def open(self, checkpoint: str, train: str, has_convolution: bool) -> Any:
        """A pipeline for the labels of the file `train`."""
        embedding: Any = eds.transformer(
            model=checkpoint, window=_WINDOW, stride=_STRIDE
        )
        if has_convolution:
            embedding = eds.text_cnn(kernel_sizes=[3], embedding=embedding)
        self.nlp = edsnlp.blank("en")
        self.nlp.add_pipe(
            eds.ner_crf(
                embedding=embedding,
                mode="joint",
                window=_CRF_WINDOW,
                target_span_getter="gold",
                span_setter="ents",
            ),
            name="ner",
        )
        self.train_docs = self._read(train)
        self.nlp.post_init(self.train_docs)
        self.kept: dict[str, list[Doc]] = {}
        self.optimizer: Any = None
        return {"versions": _versions()}

    def keep(self, name: str, docs: str) -> Any:
        """Read Docs that `update` and `predict` are to use."""
        self.kept[name] = self._read(docs)
        return {}

    def update(self, name: str, batch_size: int) -> Any:
        """A step for each batch of so many Docs."""
        docs, pipe = self.kept[name], self.nlp.get_pipe("ner")
        if self.optimizer is None:
            self.optimizer = default_optim([pipe], max_steps=1000)
            self.optimizer.initialize()
        self.nlp.train(True)
        for i in range(0, len(docs), batch_size):
            batch = self.nlp.preprocess_many(docs[i : i + batch_size])
            self.optimizer.zero_grad()
            pipe(self.nlp.collate(list(batch), device="cpu")["ner"])["loss"].backward()
            torch.nn.utils.clip_grad_norm_(pipe.parameters(), 5.0)
            self.optimizer.step()
        return {}

    def predict(self, name: str, has_autocast: bool) -> Any:
        """has_autocast: in bfloat16, which is its default, and slow on a CPU without
        such arithmetic."""
        for _ in self._pipe(self.kept[name], has_autocast):
            pass
        return {}

    def train(
        self,
        *,
        dev: str,
        test: str,
        rate: float,
        head_rate: float,
        n_steps: int,
        seed: int,
        folder: str,
    ) -> Any:
        """Its own training; the entities of dev and test, and minutes of training."""
        start, cores = perf_counter(), _core_seconds()
        train(
            nlp=self.nlp,
            train_data=TrainingData(
                data=edsnlp.data.from_iterable(self.train_docs),
                batch_size=_BATCH,
                shuffle="dataset",
                pipe_names=["ner"],
            ),
            val_data=edsnlp.data.from_iterable(self._read(dev)),
            scorer=GenericScorer(
                batch_size=_BATCH,
                autocast=False,
                speed=False,
                exact=NerExactMetric(span_getter="gold"),
            ),
            optimizer=default_optim(
                [self.nlp.get_pipe("ner")],
                task_lr=head_rate,
                transformer_lr=rate,
                max_steps=n_steps,
            ),
            max_steps=n_steps,
            validation_interval=n_steps // 2,
            seed=seed,
            cpu=True,
            save_model=False,
            logger=False,
            output_dir=folder,
        )
        minutes = {
            "minutes": (perf_counter() - start) / 60,
            "core minutes": (_core_seconds() - cores) / 60,
        }
        self.nlp.train(False)
        self.nlp.get_pipe("ner").compute_confidence_score = True
        found = {
            name: [_entities(doc) for doc in self._pipe(self._read(docs))]
            for name, docs in (("dev", dev), ("test", test))
        }
        return {**minutes, **found}

    def _read(self, path: str) -> list[Doc]:
        """Docs whose entities are in the span group "gold"."""
        docs = list(DocBin().from_disk(path).get_docs(self.nlp.vocab))
        for doc in docs:
            doc.spans["gold"] = list(doc.ents)
            doc.ents = ()
        return docs

    def _pipe(self, docs: Iterable[Doc], has_autocast: bool = False) -> Iterator[Doc]:
        copies = [Doc(self.nlp.vocab, [token.text for token in doc]) for doc in docs]
        stream: Iterator[Doc] = self.nlp.pipe(copies).set_processing(
            batch_size=_BATCH, autocast=has_autocast
        )
        return stream


def _entities(doc: Doc) -> list[tuple[int, int, str, float]]:
    return [
        (ent.start, ent.end, ent.label_, ent._.ner_confidence_score) for ent in doc.ents
    ]


def _core_seconds() -> float:
    return sum(os.times()[:4])


def _versions() -> str:
    import transformers

    return f"edsnlp {edsnlp.__version__}, transformers {transformers.__version__}"


def main() -> None:
    peer, answers = Peer(), sys.stdout
    with redirect_stdout(sys.stderr):
        for line in sys.stdin:
            request = json.loads(line)
            answer = getattr(peer, request.pop("do"))(**request)
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
