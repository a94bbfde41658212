"""spaCy's training loop, which saves its state, continues from it, and has ranks.

On one process it takes the steps of `spacy.training.loop.train`, to the bit. Functions
of that module do what they do there; what is written again here is what has to know of
states or of ranks.
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shutil import copytree
from time import perf_counter
from typing import IO, Any

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import (
    DIR_MODEL_BEST,
    DIR_MODEL_LAST,
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    subdivide_batch,
    update_meta,
)
from spacy.util import registry, resolve_dot_names
from thinc.api import Config, Optimizer, fix_random_seed, set_gpu_allocator
from tqdm import tqdm
from wasabi import Printer

from ..folders import remove, replacing
from ..locks import locked
from ..processes.ranks import SINGLE_PROCESS, Ranks
from ..processes.signals import stop_requests
from .batches import Batches
from .errors import TrainingError
from .parameters import sum_gradients, trained_models
from .randomness import RandomState
from .resuming import WatchedCorpus, check_config
from .state import OUTPUTS, Progress, State, find_earlier, load_state, save_state


@dataclass(frozen=True)
class Outcome:
    """n_steps: of the whole run. is_stopped: by a signal, before its end."""

    n_steps: int
    is_stopped: bool


def train(
    config: Config,
    output: Path,
    *,
    stdout: IO[str],
    stderr: IO[str],
    resume: bool = False,
    overwrite: bool = False,
    use_gpu: int = -1,
    ranks: Ranks = SINGLE_PROCESS,
) -> Outcome:
    """Initialize and train the pipeline of a config. Write model-best and model-last to
    `output`, and next to them what it takes to continue.

    config: as it is read, with its variables.
    resume: continue the run in `output`, if there is one.
    overwrite: start over if there is one.
    ranks: each of them calls this at once, with the same config and `output`. Each
        batch is cut into as many parts as there are ranks, times
        accumulate_gradient; rank 0 evaluates, saves and writes.

    Raises TrainingError if there is a run and nothing is said of it, if it cannot be
    continued, and if a loss is not finite; OtherRankError if another rank raised an
    error.
    """
    with ExitStack() as stack:
        ranks.on_first(lambda: stack.enter_context(locked(output)))
        progress = ranks.on_first(
            lambda: find_earlier(output, resume=resume, overwrite=overwrite)
        )
        nlp = init_nlp(config, use_gpu=use_gpu)
        if progress:
            check_config(progress.config, nlp.config)
        run = _Run(nlp, output, use_gpu=use_gpu, ranks=ranks)
        state = run.start(progress)
        if ranks.is_first:
            for line in run.describe(state):
                stdout.write(line + "\n")
        return run.train(state, stdout, stderr)


class _Run:
    """What stays the same while a pipeline is trained."""

    def __init__(
        self, nlp: Language, output: Path, *, use_gpu: int, ranks: Ranks
    ) -> None:
        self.nlp, self._output, self._ranks = nlp, output, ranks
        config = nlp.config.interpolate()
        seed = config["training"]["seed"]
        if seed is not None:
            fix_random_seed(seed)
        elif ranks.n > 1:
            raise TrainingError(
                "[training] seed: expected a number, so that all ranks begin with the "
                "same weights, got None."
            )
        if use_gpu >= 0 and config["training"]["gpu_allocator"]:
            set_gpu_allocator(config["training"]["gpu_allocator"])
        self._settings = settings = registry.resolve(
            config["training"], schema=ConfigSchemaTraining
        )
        train_corpus, dev_corpus = resolve_dot_names(
            config, [settings["train_corpus"], settings["dev_corpus"]]
        )
        self._optimizer: Optimizer = settings["optimizer"]
        self._before_to_disk = create_before_to_disk_callback(
            settings["before_to_disk"]
        )
        self._frozen: list[str] = settings["frozen_components"]
        self._models = trained_models(nlp, self._frozen)
        self._dev_corpus = WatchedCorpus(dev_corpus)
        self._evaluate = create_evaluation_callback(
            nlp, self._dev_corpus, settings["score_weights"]
        )
        is_alone = ranks.n == 1
        self._batches = Batches(
            lambda: create_train_batches(
                nlp, train_corpus, settings["batcher"], settings["max_epochs"]
            ),
            random_state=None if is_alone else RandomState.read(),
        )
        if not is_alone:
            # Or all ranks would drop the same.
            fix_random_seed(seed + ranks.rank)

    def start(self, progress: Progress | None) -> State:
        """Where the run begins: afresh, in an empty folder, or after `progress`."""
        if progress is None:
            self._ranks.on_first(self._clean)
            progress = Progress(config=self.nlp.config)
            return State(
                progress=progress,
                drawn=self._batches.drawn,
                random_states=[RandomState.read()],
            )
        state = load_state(self._output, progress, self._models, self._optimizer)
        self._batches.replay(state.drawn)
        for _ in range(progress.n_steps):
            self._optimizer.step_schedules()
        self._ranks.on_first(
            lambda: self._dev_corpus.check(self.nlp, progress.dev_fingerprint)
        )
        self.nlp.meta["performance"] = state.performance
        if len(state.random_states) == self._ranks.n:
            state.random_states[self._ranks.rank].set()
        if not self._ranks.is_first:
            # The saved ones are those of all ranks.
            state.progress.losses.clear()
        return state

    def describe(self, state: State) -> Iterator[str]:
        msg = Printer(no_print=True)
        yield msg.info(f"Pipeline: {self.nlp.pipe_names}")
        if self._frozen:
            yield msg.info(f"Frozen components: {self._frozen}")
        if annotating := self._settings["annotating_components"]:
            yield msg.info(f"Set annotations on update for: {annotating}")
        if state.progress.n_steps:
            yield msg.info(f"Continuing after step {state.progress.n_steps - 1}")
        else:
            yield msg.info(f"Initial learn rate: {self._optimizer.learn_rate}")

    def train(self, state: State, stdout: IO[str], stderr: IO[str]) -> Outcome:
        ranks, progress = self._ranks, state.progress
        settings = self._settings
        with (
            self._logged(stdout, stderr) as log_step,
            stop_requests(ignores_more=ranks.n > 1) as is_asked,
            self._bar(progress, stderr) as bar,
        ):
            start = perf_counter() - progress.seconds
            is_stopped = False
            while not (is_stopped or self._is_done(progress)):
                try:
                    epoch, batch = next(self._batches)
                except StopIteration:
                    break
                step = progress.n_steps
                losses = self._update(epoch, step, batch, progress.losses)
                score = scores = is_best = None
                if step % settings["eval_frequency"] == 0:
                    score, scores = ranks.on_first(self._evaluate_averages)
                    results = [*progress.results, (float(score), step)]
                    progress = replace(progress, results=results)
                    is_best = score == max(results)[0]
                progress = replace(
                    progress,
                    n_steps=step + 1,
                    losses=losses,
                    n_words=progress.n_words + sum(len(eg) for eg in batch),
                    seconds=perf_counter() - start,
                )
                is_stopped = any(ranks.sum(is_asked()))
                info: dict[str, Any] = {
                    "epoch": epoch,
                    "step": step,
                    "score": score,
                    "other_scores": scores,
                    "losses": self._summed(losses) if is_best is not None else losses,
                    "checkpoints": progress.results,
                    "seconds": int(progress.seconds),
                    "words": progress.n_words,
                }
                if is_best is not None:
                    with self.nlp.select_pipes(disable=self._frozen):
                        update_meta(settings, self.nlp, info)
                    ranks.on_first(partial(self._save_pipeline, is_best=is_best))
                    info["output_path"] = str(self._output / DIR_MODEL_LAST)
                    # A row takes its line.
                    bar.clear()
                log_step(info if is_best is not None else None)
                bar.update()
                if is_best is not None:
                    progress = replace(progress, losses={})
                    self._save_state(progress)
            if progress.n_steps > state.progress.n_steps:
                ranks.on_first(partial(self._save_pipeline, is_best=False))
                self._save_state(progress)
        return Outcome(progress.n_steps, is_stopped)

    def _update(
        self, epoch: int, step: int, batch: Sequence[Example], losses: dict[str, float]
    ) -> dict[str, float]:
        """One step. Returns `losses` with those of this rank's parts added."""
        settings, ranks = self._settings, self._ranks
        losses = dict(losses)

        def update() -> None:
            if settings["before_update"]:
                settings["before_update"](self.nlp, {"step": step, "epoch": epoch})
            parts = subdivide_batch(batch, settings["accumulate_gradient"] * ranks.n)
            for i, part in enumerate(parts):
                if i % ranks.n == ranks.rank:
                    self.nlp.update(
                        part,
                        drop=settings["dropout"],
                        losses=losses,
                        sgd=False,  # type: ignore[arg-type]
                        exclude=self._frozen,
                        annotates=settings["annotating_components"],
                    )
                    _check_finite(losses, step, part)

        ranks.on_all(update)
        sum_gradients(self._models, ranks)
        for name in self._models:
            component: Any = self.nlp.get_pipe(name)
            component.finish_update(self._optimizer)
        self._optimizer.step_schedules()
        return losses

    def _evaluate_averages(self) -> tuple[float, dict[str, float]]:
        averages = self._optimizer.averages
        with self.nlp.use_params(averages) if averages else nullcontext():
            return self._evaluate()

    def _is_done(self, progress: Progress) -> bool:
        """As spaCy asks after each step; the first of equal scores is the best."""
        if not progress.results:
            return False
        patience, max_steps = self._settings["patience"], self._settings["max_steps"]
        last = progress.n_steps - 1
        best = -max((score, -step) for score, step in progress.results)[1]
        return bool(
            (patience and last - best >= patience) or (max_steps and last >= max_steps)
        )

    def _summed(self, losses: dict[str, float]) -> dict[str, float]:
        """Over all ranks."""
        if self._ranks.n == 1:
            return losses
        sums = self._ranks.sum(*(losses.get(name, 0.0) for name in self._models))
        return dict(zip(self._models, sums, strict=True))

    def _clean(self) -> None:
        for name in OUTPUTS:
            if os.path.lexists(self._output / name):
                remove(self._output / name)

    def _save_pipeline(self, *, is_best: bool) -> None:
        """Replace model-last, and model-best, each whole."""
        last = self._output / DIR_MODEL_LAST
        with replacing(last) as folder, self.nlp.use_params(self._optimizer.averages):
            self._before_to_disk(self.nlp).to_disk(folder)
        if is_best:
            with replacing(self._output / DIR_MODEL_BEST) as folder:
                copytree(last, folder, dirs_exist_ok=True)

    def _save_state(self, progress: Progress) -> None:
        """Last of all: what is saved before is written again from an older state."""
        ranks = self._ranks
        progress = replace(
            progress,
            losses=self._summed(progress.losses),
            dev_fingerprint=self._dev_corpus.fingerprint,
        )
        state = State(
            progress=progress,
            drawn=self._batches.drawn,
            random_states=ranks.gather(RandomState.read()),
            performance=self.nlp.meta["performance"],
        )
        ranks.on_first(
            lambda: save_state(self._output, state, self._models, self._optimizer)
        )

    @contextmanager
    def _logged(self, stdout: IO[str], stderr: IO[str]) -> Iterator[Any]:
        if not self._ranks.is_first:
            yield _say_nothing
            return
        with self.nlp.select_pipes(disable=self._frozen):
            log_step, finalize = self._settings["logger"](self.nlp, stdout, stderr)
        try:
            yield log_step
        finally:
            finalize()

    def _bar(self, progress: Progress, stderr: IO[str]) -> "tqdm[Any]":
        """How far it is, and the time left, on a terminal."""
        max_steps = self._settings["max_steps"]
        return tqdm(
            total=max_steps + 1 if max_steps else None,
            initial=progress.n_steps,
            desc="Training",
            unit="steps",
            file=stderr,
            leave=False,
            disable=None if self._ranks.is_first else True,
        )


def _check_finite(losses: dict[str, float], step: int, part: Sequence[Example]) -> None:
    for name, loss in losses.items():
        if not math.isfinite(loss):
            texts = "\n- ".join(eg.reference.text[:80] for eg in part)
            raise TrainingError(
                f"{name}: expected a finite loss in step {step}, got {loss}. Lower the "
                "learning rate, or look for what is unusual in these texts:\n- "
                f"{texts}"
            )


def _say_nothing(*args: object) -> None:
    pass
