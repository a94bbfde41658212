"""`spacy bert pretrain`: a config -> checkpoints."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg

if TYPE_CHECKING:
    from ..pretraining import TrainingState

# As a shell reports a program that Ctrl-C ended.
STOPPED = 130

_LESS_MEMORY = (
    "If steps had been done, or none fitted: take half the batch_size and twice the "
    "accumulate_gradient, or set recompute = true. If the model alone does not fit: "
    "make the numbers of [model] smaller."
)


def pretrain_cli(
    ctx: typer.Context,  # Holds the overrides
    config_path: Path = Arg(
        ..., help="Path to config file", exists=True, dir_okay=False
    ),
    output_path: Path = Arg(..., help="Folder for the index, checkpoints and log"),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    resume: bool = Opt(
        False,
        "--resume",
        "-r",
        help="Continue the run in the output folder exactly, where there is one",
    ),
    n_process: int = Opt(
        0,
        "--n-process",
        "-n",
        help="Processes that build the index, or 0 for all cores",
    ),
    overwrite: bool = Opt(
        False,
        "--overwrite",
        "-F",
        help="Start over where the output folder holds another run; with --resume, "
        "only where that run cannot be continued",
    ),
) -> None:
    """Pretrain a BERT with masked pieces and next sentences.

    Writes model-last and model-best, folders that transformers loads too, log.jsonl and
    report.html. Ctrl-C saves before it stops. Settings can be overridden, as in
    --pretraining.max_steps 1000. The columns that it prints: TRAIN, HELD-OUT and GUESS
    are MLM losses, of training since the last row, on held-out text, and of guessing
    each piece there by its frequency; MLM % and NSP % of masked pieces and of pairs are
    right on that text; MFU is the fraction of the machine's speed that is used.
    On several devices:
    torchrun --nproc-per-node 8 -m spacy_bert pretrain CONFIG OUT
    """
    from ..interop.logger import open_logger
    from ..pretraining import pretrain
    from ..pretraining.training.memory import keep_freed_memory
    from ..processes.ranks import OtherRankError, open_ranks
    from .devices import check_processes, choose_device
    from .errors import shown_as_messages
    from .lines import write_line
    from .settings import read_settings

    keep_freed_memory()
    try:
        with shown_as_messages(if_memory_lacks=_LESS_MEMORY):
            device = choose_device(gpu_id)
            check_processes(n_process)
            with open_ranks(device) as ranks:
                config, splitter, section = ranks.on_first(
                    lambda: read_settings(config_path, ctx)
                )
                section = section if ranks.is_first else {}
                with open_logger(section, config) as logger:
                    state = pretrain(
                        config,
                        output_path,
                        device=device,
                        splitter=splitter,
                        resume=resume,
                        overwrite=overwrite,
                        n_process=n_process,
                        write=write_line,
                        logger=logger,
                        ranks=ranks,
                        command=_command(),
                    )
    except OtherRankError as error:
        # The other one says why.
        raise typer.Exit(1) from error
    is_stopped = state.progress < 1.0
    if ranks.is_first:
        _report(state, output_path, is_stopped=is_stopped)
    if is_stopped:
        raise typer.Exit(STOPPED)


def _command() -> str:
    """As it can be given again."""
    arguments = sys.argv[1:]
    if "pretrain" in arguments:
        arguments = arguments[arguments.index("pretrain") :]
    return shlex.join(["spacy", "bert", *arguments])


def _report(state: "TrainingState", output_path: Path, *, is_stopped: bool) -> None:
    from ..pretraining.run_folder import BEST, REPORT

    msg.info(f"The report: {output_path / REPORT}")
    if is_stopped:
        msg.warn(f"Stopped after step {state.step} and saved. Continue with --resume.")
        return
    msg.good(f"{state.step} steps are done. The best: {output_path / BEST}")
