"""`spacy bert pretrain`: a config -> checkpoints."""

from pathlib import Path

import typer
from spacy.cli._util import Arg, Opt, parse_config_overrides
from wasabi import msg

# As a shell reports a program that Ctrl-C ended.
_STOPPED = 130


def pretrain_cli(
    ctx: typer.Context,  # Holds the overrides
    config_path: Path = Arg(
        ..., help="Path to config file", exists=True, dir_okay=False
    ),
    output_path: Path = Arg(..., help="Folder for the index, checkpoints and log"),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    resume: bool = Opt(
        False, "--resume", "-r", help="Continue the run in the output folder exactly"
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
    --pretraining.max_steps 1000.
    """
    from spacy.util import load_config

    from ..pretraining import PretrainingConfig, pretrain
    from ..pretraining.memory import keep_freed_memory
    from .devices import choose_device
    from .errors import shown_as_messages
    from .logger import open_logger
    from .sentences import configured_splitter

    keep_freed_memory()
    with shown_as_messages():
        overrides = parse_config_overrides(ctx.args)
        sections = load_config(config_path, overrides, interpolate=True)
        config = PretrainingConfig.from_dict(sections)
        with open_logger(sections.get("logger", {}), config) as logger:
            state = pretrain(
                config,
                output_path,
                device=choose_device(gpu_id),
                splitter=configured_splitter(config),
                resume=resume,
                overwrite=overwrite,
                n_process=n_process,
                write=lambda text: print(text, flush=True),
                logger=logger,
            )
    msg.info(f"The report: {output_path / 'report.html'}")
    if state.share < 1.0:
        msg.warn(f"Stopped after step {state.step} and saved. Continue with --resume.")
        raise typer.Exit(_STOPPED)
    msg.good(f"{state.step} steps are done. The best: {output_path / 'model-best'}")
