"""`transformers`' own heads with its Trainer: same weights, data, steps and batches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
from spacy.tokens import Doc, DocBin, Span
from transformers import (
    AutoTokenizer,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedModel,
    TrainingArguments,
)
from transformers.trainer import Trainer

from spacy_bert.pipeline.segments import RECORD_SEPARATOR, split_segments
from spacy_bert.tasks.qa import squad_metrics
from spacy_bert.tasks.text.scorer import correlate, rank

from ..fine_tuning.datasets import prepare
from ..fine_tuning.recipe import Recipe
from ..measuring import Stopwatch
from ..spacy_runs import minilm

# As in its run_qa.py.
_MAX_LENGTH, _STRIDE, _N_BEST, _MAX_ANSWER = 384, 128, 20, 30


def run(recipe: Recipe, seed: int, *, data: Path, work: Path) -> dict[str, Any]:
    torch.manual_seed(seed)
    corpus = work / recipe.dataset
    prepare(recipe.dataset, data, corpus)
    vocab = spacy.blank("en").vocab
    train, test = (
        list(DocBin().from_disk(corpus / f"{split}.spacy").get_docs(vocab))
        for split in ("train", "test")
    )
    task = _Questions() if recipe.dataset == "squad" else _Pairs(train)
    stopwatch = Stopwatch()
    trainer = _train(
        task.model, task.features(train), recipe, seed, work / "runs" / "hf"
    )
    minutes = stopwatch.minutes()
    features = task.features(test)
    columns = ("input_ids", "attention_mask", "token_type_ids")
    inputs: Any = [{name: feature[name] for name in columns} for feature in features]
    outputs: Any = trainer.predict(inputs).predictions
    scores = task.scores(test, features, outputs)
    return {**minutes, **{k: 100 * v for k, v in scores.items()}}


def _train(
    model: PreTrainedModel,
    features: list[dict[str, Any]],
    recipe: Recipe,
    seed: int,
    output: Path,
) -> Trainer:
    columns: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids")
    columns += ("labels", "start_positions", "end_positions")
    inputs = [{k: f[k] for k in columns if k in f} for f in features]
    arguments = TrainingArguments(
        output_dir=str(output),
        seed=seed,
        max_steps=recipe.n_steps,
        warmup_steps=recipe.n_steps // 12,
        learning_rate=recipe.learn_rate,
        weight_decay=0.01,
        per_device_train_batch_size=recipe.n_docs,
        per_device_eval_batch_size=64,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    trainer: Trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=inputs,
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    trainer.train()
    return trainer


def _texts(doc: Doc) -> tuple[Span, Span]:
    segments = split_segments(doc, RECORD_SEPARATOR)
    assert segments is not None
    return segments


class _Pairs:
    """A class, or one number, of two texts."""

    def __init__(self, train: Sequence[Doc]) -> None:
        self.labels = sorted(train[0].cats)
        self.tokenizer = AutoTokenizer.from_pretrained(minilm())
        self.model = BertForSequenceClassification.from_pretrained(
            minilm(), num_labels=len(self.labels)
        )

    def features(self, docs: Sequence[Doc]) -> list[dict[str, Any]]:
        features = []
        for doc in docs:
            first, second = _texts(doc)
            feature = dict(self.tokenizer(first.text, second.text))
            feature["labels"] = self._target(doc)
            features.append(feature)
        return features

    def scores(
        self, docs: Sequence[Doc], features: list[dict[str, Any]], logits: np.ndarray
    ) -> dict[str, float]:
        targets = np.array([self._target(doc) for doc in docs])
        if len(self.labels) > 1:
            return {"cats_micro_f": float((logits.argmax(-1) == targets).mean())}
        numbers = logits[:, 0].astype(np.float64)
        pearson = correlate(numbers, targets)
        spearman = correlate(rank(numbers), rank(targets))
        assert pearson is not None and spearman is not None
        return {"cats_pearson": pearson, "cats_spearman": spearman}

    def _target(self, doc: Doc) -> float | int:
        numbers = [doc.cats[label] for label in self.labels]
        return numbers[0] if len(numbers) == 1 else int(np.argmax(numbers))


class _Questions:
    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(minilm())
        self.model = BertForQuestionAnswering.from_pretrained(minilm())

    def features(self, docs: Sequence[Doc]) -> list[dict[str, Any]]:
        """One a window; if the answer is not in it, [CLS] is the answer."""
        features = []
        for i, doc in enumerate(docs):
            question, context = _texts(doc)
            windows = self.tokenizer(
                *(question.text, context.text),
                truncation="only_second",
                max_length=_MAX_LENGTH,
                stride=_STRIDE,
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )
            answer = doc.spans["answers"][0]
            start = answer.start_char - context.start_char
            end = start + len(doc.spans["answers"].attrs["texts"][0])
            for w, offsets in enumerate(windows["offset_mapping"]):
                pieces = [
                    p for p, part in enumerate(windows.sequence_ids(w)) if part == 1
                ]
                first = [p for p in pieces if offsets[p][0] <= start < offsets[p][1]]
                last = [p for p in pieces if offsets[p][0] < end <= offsets[p][1]]
                is_inside = first and last
                features.append(
                    {
                        **{k: windows[k][w] for k in windows if k != "offset_mapping"},
                        "start_positions": first[0] if is_inside else 0,
                        "end_positions": last[0] if is_inside else 0,
                        "doc": i,
                        "offsets": {p: offsets[p] for p in pieces},
                    }
                )
        return features

    def scores(
        self,
        docs: Sequence[Doc],
        features: list[dict[str, Any]],
        outputs: tuple[np.ndarray, np.ndarray],
    ) -> dict[str, float]:
        best: dict[int, tuple[float, str]] = {}
        for feature, starts, ends in zip(features, *outputs, strict=True):
            context = _texts(docs[feature["doc"]])[1].text
            offsets = feature["offsets"]
            for s in np.argsort(-starts)[:_N_BEST].tolist():
                for e in np.argsort(-ends)[:_N_BEST].tolist():
                    if s not in offsets or e not in offsets:
                        continue
                    score = float(starts[s] + ends[e])
                    known = best.get(feature["doc"], (-np.inf, ""))
                    if s <= e < s + _MAX_ANSWER and score > known[0]:
                        text = context[offsets[s][0] : offsets[e][1]]
                        best[feature["doc"]] = score, text
        matches, overlaps = [], []
        for i, doc in enumerate(docs):
            golds = list(doc.spans["answers"].attrs["texts"])
            answer = best.get(i, (0.0, ""))[1]
            matches.append(squad_metrics.exact_match(answer, golds))
            overlaps.append(squad_metrics.f1(answer, golds))
        return {
            "answers_em": float(np.mean(matches)),
            "answers_f": float(np.mean(overlaps)),
        }
