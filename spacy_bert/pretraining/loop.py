"""The loop: config and text -> checkpoints."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from .batches import training_steps
from .config import PretrainingConfig
from .corpus import Splitter
from .optimizer import train_step
from .progress import Progress
from .run import LOG, prepare_run
from .schedule import learn_rate_at
from .signals import stop_requests
from .state import TrainingState


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
) -> TrainingState:
    """Train to `max_steps`, or until Ctrl-C or SIGTERM, and give the state at the end.

    `output` gets `index`, `model-last`, `model-best` (the lowest held-out MLM loss) and
    `log.jsonl`. `resume` continues `model-last` as if there had been no break, weights
    bit for bit on the CPU; `overwrite` starts over; both continue where that is
    possible. `n_process` processes build the index, 0 one for each core; a script that
    asks for more than one has to guard its main part by `if __name__ == "__main__"`.
    Raises ValueError or OSError where something does not fit or cannot be written, and
    DivergenceError where a loss is not finite.
    """
    settings, max_steps = config.pretraining, config.pretraining.max_steps
    run = prepare_run(
        config,
        output,
        device=torch.device(device),
        splitter=splitter,
        resume=resume,
        overwrite=overwrite,
        n_process=n_process,
        write=write,
    )
    state = run.start
    progress = Progress(output / LOG, state.step, max_steps=max_steps, write=write)
    with stop_requests() as is_stopped:
        if state.step == 0:
            before = run.evaluate()
            state = replace(state, best_loss=before.mlm_loss)
            progress.report(state, before)
            run.save_best()
            run.save_last(state)
        for batches, place in training_steps(run.reader, state.place):
            if state.step >= max_steps:
                break
            learn_rate = learn_rate_at(
                state.step,
                peak=settings.learn_rate,
                warmup_steps=settings.warmup_steps,
                max_steps=max_steps,
            )
            result = train_step(
                run.model,
                run.optimizer,
                batches,
                step=state.step + 1,
                learn_rate=learn_rate,
                max_grad_norm=settings.max_grad_norm,
            )
            state = replace(state, step=state.step + 1, place=place)
            progress.add(result, learn_rate)

            is_end, is_stop = state.step == max_steps, is_stopped()
            is_reported = is_end or state.step % settings.log_every == 0
            evaluation = None
            if is_end or state.step % settings.eval_every == 0:
                evaluation = run.evaluate()
                if state.best_loss is None or evaluation.mlm_loss < state.best_loss:
                    state = replace(state, best_loss=evaluation.mlm_loss)
                    run.save_best()
            if is_reported or evaluation:
                progress.report(state, evaluation)
            if is_end or is_stop or state.step % settings.save_every == 0:
                run.save_last(state)
            if is_stop:
                break
    return state
