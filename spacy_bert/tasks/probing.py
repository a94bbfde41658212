"""Did pretraining pay? The same head, data, steps and seeds on several checkpoints."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config_from_str
from thinc.api import Config

from ..checkpoint.loading import load_checkpoint_vocabulary, read_config
from ..checkpoint.resolving import resolve_checkpoint
from ..checkpoint.saving import save_checkpoint
from ..model import BertForPretraining
from ..pipeline.segments import RECORD_SEPARATOR
from .starter_config import TASKS, task_config

RANDOM = "random weights"
# So many of the Docs are scored; the others are what is learned from.
_TEST_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """task: one of TASKS, or "" for what the Docs are annotated with.
    n_steps: of training, as `init-config` sets it up; seeds: a run each.
    is_frozen: the head alone is trained.
    has_random: random weights in the first checkpoint's sizes are probed, too.
    """

    task: str = ""
    lang: str = "en"
    n_steps: int = 100
    n_seeds: int = 3
    is_frozen: bool = False
    has_random: bool = True


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a checkpoint came to: the score of each seed, from 0 to 1, and seconds of
    training in the mean."""

    checkpoint: str
    scores: list[float]
    seconds: float

    @property
    def score(self) -> float:
        return mean(self.scores)

    @property
    def spread(self) -> float:
        """Half of the range over the seeds."""
        return (max(self.scores) - min(self.scores)) / 2


@dataclass(frozen=True, kw_only=True)
class Probes:
    """score: the name of what was scored, on n_test of n_test + n_train Docs."""

    task: str
    score: str
    n_train: int
    n_test: int
    results: list[Probe]


def probe(
    checkpoints: Sequence[str],
    train_file: Path,
    test_file: Path | None,
    settings: ProbeSettings,
    *,
    write: Callable[[str], None],
    use_gpu: int = -1,
) -> Probes:
    """Train each checkpoint for each seed, and score it on the Docs of `test_file`, or
    on a fifth of those of `train_file`, which are the same each time.

    write: takes a line on each run. Raises ValueError or OSError for a checkpoint or
    for data that do not fit.
    """
    paths = {name: resolve_checkpoint(name) for name in dict.fromkeys(checkpoints)}
    with TemporaryDirectory() as folder:
        work = Path(folder)
        docs = _read(train_file)
        test = _read(test_file) if test_file else []
        if not test:
            docs, test = _split(docs)
        task = settings.task or find_task(docs)
        for name, some in (("train", docs), ("test", test)):
            DocBin(docs=some, store_user_data=True).to_disk(work / f"{name}.spacy")
        if settings.has_random:
            first = next(iter(paths.values()))
            paths[RANDOM] = _write_random(first, work / "random")
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
        score_name = ""
        # All checkpoints of a seed before the next one: an early end is still of use.
        for seed in range(settings.n_seeds):
            for name, path in paths.items():
                config = _make_config(path, task, seed, work, settings)
                score_name, score, seconds = _run(config, work, use_gpu)
                runs[name].append((score, seconds))
                write(f"{name}, seed {seed}: {score_name} {100 * score:.1f}")
    return Probes(
        task=task,
        score=score_name,
        n_train=len(docs),
        n_test=len(test),
        results=[
            Probe(
                checkpoint=name,
                scores=[score for score, _ in of],
                seconds=mean(seconds for _, seconds in of),
            )
            for name, of in runs.items()
        ],
    )


def find_task(docs: Sequence[Doc]) -> str:
    """The one of TASKS whose annotation the Docs have. Raises ValueError if there is
    none, or more than one."""
    found = list(_tasks_of(docs))
    if len(found) == 1:
        return found[0]
    names = ", ".join(found) or "none"
    raise ValueError(
        f"Expected Docs annotated for one task, got annotation for {names}. Give one "
        f"with --task: {', '.join(TASKS)}."
    )


def _tasks_of(docs: Sequence[Doc]) -> Iterator[str]:
    cats = [doc.cats for doc in docs if doc.cats]
    if cats:
        are_pairs = any(RECORD_SEPARATOR in doc.text for doc in docs)
        is_exclusive = all(sum(one.values()) == 1 for one in cats)
        one_of = "pairs" if are_pairs else "classification"
        yield one_of if is_exclusive else "multilabel"
    if any(doc.ents for doc in docs):
        yield "entities"
    if any(doc.spans.get("sc") for doc in docs):
        yield "spans"
    if any(doc.has_annotation("DEP") for doc in docs):
        yield "parsing"
    elif any(doc.has_annotation("TAG") for doc in docs):
        yield "tagging"


def _read(path: Path) -> list[Doc]:
    if not path.is_file():
        raise ValueError(f"Expected a .spacy file of annotated Docs, got {path}.")
    return list(DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab))


def _split(docs: list[Doc]) -> tuple[list[Doc], list[Doc]]:
    """To learn from, and to score."""
    docs = Random(0).sample(docs, len(docs))
    n_test = round(_TEST_SHARE * len(docs))
    if not n_test:
        raise ValueError(f"Expected at least 3 Docs, got {len(docs)}.")
    return docs[n_test:], docs[:n_test]


def _write_random(like: Path, path: Path) -> Path:
    config = read_config(like)
    torch.manual_seed(0)
    model = BertForPretraining(config)
    model.initialize_weights()
    save_checkpoint(path, model, load_checkpoint_vocabulary(like, config))
    return path


def _make_config(
    checkpoint: Path, task: str, seed: int, work: Path, settings: ProbeSettings
) -> Config:
    text = task_config(checkpoint, task=task, lang=settings.lang)
    overrides: dict[str, Any] = {
        "paths.train": str(work / "train.spacy"),
        # What it finds there does not count, and would take time.
        "paths.dev": str(work / "test.spacy"),
        "corpora.dev.limit": 1,
        "system.seed": seed,
        "training.max_steps": settings.n_steps,
        "training.eval_frequency": settings.n_steps,
    }
    if settings.is_frozen:
        overrides["components.bert_encoder.model.freeze"] = "all"
    config: Config = load_config_from_str(text, overrides=overrides, interpolate=False)
    return config


def _run(config: Config, work: Path, use_gpu: int) -> tuple[str, float, float]:
    """The name of the score, the score, and seconds of training."""
    start = perf_counter()
    nlp = init_nlp(config, use_gpu=use_gpu)
    train(nlp, use_gpu=use_gpu, stdout=io.StringIO(), stderr=io.StringIO())
    seconds = perf_counter() - start
    return (*_score(nlp, work / "test.spacy"), seconds)


def _score(nlp: Language, test: Path) -> tuple[str, float]:
    """By the pipeline's own weights of its scores."""
    found = nlp.evaluate(list(Corpus(test)(nlp)))
    weights = {k: w for k, w in nlp.config["training"]["score_weights"].items() if w}
    score = sum(w * (found.get(name) or 0.0) for name, w in weights.items())
    return ", ".join(weights), score / sum(weights.values())
