"""The loop: config and text -> checkpoints."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from ...corpus.documents import Splitter
from ...locks import locked
from ...processes.ranks import SINGLE_PROCESS, Ranks
from ...processes.signals import stop_requests
from ..config import PretrainingConfig
from ..instances.randomness import dropout_seed
from ..report import write_report
from ..run_folder import LOG
from .divergence import DivergenceError, DivergenceGuard, highest_loss, mean_of_recent
from .log_writer import Logger, LogWriter
from .optimizer import train_step
from .options import RunOptions
from .prepare import prepare_run
from .run import Run
from .schedule import learn_rate_at
from .state import TrainingState
from .step_size import measure_step


def pretrain(
    config: PretrainingConfig,
    output: Path,
    *,
    device: torch.device | str = "cpu",
    splitter: Splitter | None = None,
    resume: bool = False,
    overwrite: bool = False,
    n_process: int = 1,
    write: Callable[[str], None] = print,
    clock: Callable[[], float] = perf_counter,
    logger: Logger | None = None,
    ranks: Ranks = SINGLE_PROCESS,
    command: str = "",
) -> TrainingState:
    """As `spacy_bert.pretrain`, without spaCy, and on several ranks.

    splitter: None if [corpus] sentences is "lines".
    command: for the log, what it was called by.
    clock: gives seconds.
    ranks: each of them calls this at once, with a `device` of its own and the same
        `output`; only rank 0 uses `write`, `clock` and `logger`.

    Raises OtherRankError if another rank raised an error.
    """
    if not ranks.is_first:
        write, logger = _say_nothing, None
    with ExitStack() as stack:
        ranks.on_first(lambda: stack.enter_context(locked(output, write=write)))
        options = RunOptions(
            resume=resume,
            overwrite=overwrite,
            n_process=n_process,
            splitter=splitter,
            write=write,
            command=command,
        )
        run = prepare_run(
            config, output, options, device=torch.device(device), ranks=ranks
        )
        return _train(run, clock=clock, logger=logger)


def _train(
    run: Run, *, clock: Callable[[], float], logger: Logger | None
) -> TrainingState:
    config, output, ranks, write = run.config, run.output, run.ranks, run.write
    state = run.with_progress(run.start)
    log = LogWriter(
        output / LOG if ranks.is_first else Path(os.devnull),
        state,
        machine=run.measure_machine(),
        origin=run.origin,
        write=write,
        logger=logger,
    )
    guard = DivergenceGuard(config.max_skipped)
    # Systems that tell each process, and torchrun too, make it two for each rank.
    stops = stop_requests(ignores_more=ranks.n > 1)
    with _reported(output, ranks), stops as is_stopped:

        def look() -> tuple[float, bool]:
            """Rank 0's clock, and whether any rank was asked to stop."""
            time, n_asked = ranks.sum(clock() if ranks.is_first else 0, is_stopped())
            return time, n_asked > 0

        if config.max_minutes is not None and state.progress < 1.0:
            write(
                f"max_minutes = {config.max_minutes:g} counts the steps from here on, "
                "with evaluations and saves"
            )
        last_time, _ = look()
        # A run that is continued may not have come any further.
        if state.step == 0 and state.best_loss is None:
            before = run.evaluate()
            state = replace(state, best_loss=before.mlm_loss)
            log.report(state, before)
            run.save_best()
            run.save_last(state)
            log.restart_clock()
        while state.progress < 1.0:
            data = run.reader.read_step(state.cursor, state.progress)
            learn_rate = learn_rate_at(state.progress, config)
            size = measure_step(data.batches, run.model.config, ranks)
            torch.manual_seed(dropout_seed(config.seed, state.step, ranks.rank))
            result = train_step(
                run.module,
                run.optimizers,
                data.batches,
                size=size,
                learn_rate=learn_rate,
                max_grad_norm=config.max_grad_norm,
                precision=config.precision,
                max_mlm_loss=highest_loss(state.mean_loss, size.n_masked),
                ranks=ranks,
            )
            now, is_stop = look()
            seconds, last_time = state.seconds + now - last_time, now
            n_epochs = state.n_epochs + data.n_epochs
            state = replace(
                state, cursor=data.cursor, n_epochs=n_epochs, seconds=seconds
            )
            if not result.is_applied:
                write(f"Step {state.step + 1} is left out: {result}")
                failed = partial(guard.add, state.step + 1, result)
                if ranks.on_first(failed):
                    failed_at, state = state.step + 1, run.roll_back(state)
                    log.roll_back(state, f"taken back from step {failed_at}")
                    write(f"Back to step {state.step}, with the text that follows")
                continue
            mean_loss = mean_of_recent(state.mean_loss, result)
            state = replace(state, step=state.step + 1, mean_loss=mean_loss)
            state = run.with_progress(state)
            guard.clear(state.step)
            log.add(result, size, learn_rate)

            is_end = state.progress >= 1.0
            is_saved = is_end or is_stop or state.step % config.save_every == 0
            # Each save has a row, from which a resumed run counts on.
            is_reported = is_saved or state.step % config.log_every == 0 or log.is_due()
            evaluation = None
            if is_end or state.step % config.eval_every == 0:
                evaluation = run.evaluate()
                if state.best_loss is None or evaluation.mlm_loss < state.best_loss:
                    state = replace(state, best_loss=evaluation.mlm_loss)
                    run.save_best()
            if evaluation or is_reported:
                log.report(state, evaluation)
            if is_saved:
                run.save_last(state)
                log.restart_clock()
            if is_stop:
                break
    return state


@contextmanager
def _reported(output: Path, ranks: Ranks) -> Iterator[None]:
    """Write the report at the end, and if the run diverged."""
    try:
        yield
    except DivergenceError:
        # Only rank 0 raises it.
        write_report(output)
        raise
    ranks.on_first(lambda: write_report(output))


def _say_nothing(text: str) -> None:
    pass
