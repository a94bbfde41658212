"""`spacy bert train`: `spacy train` that continues where it stopped, on many ranks."""

import sys
from pathlib import Path

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg

from .pretrain import STOPPED


def train_cli(
    ctx: typer.Context,  # Holds the overrides
    config_path: Path = Arg(
        ..., help="Path to config file", exists=True, dir_okay=False
    ),
    output_path: Path = Opt(
        ..., "--output", "-o", help="Folder for model-last and model-best"
    ),
    code_path: Path | None = Opt(
        None, "--code", "-c", help="Python file with functions of your own"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    resume: bool = Opt(
        False,
        "--resume",
        "-r",
        help="Continue the run in the output folder exactly, where there is one",
    ),
    overwrite: bool = Opt(
        False, "--overwrite", "-F", help="Start over where there is an earlier run"
    ),
) -> None:
    """Train a pipeline as `spacy train` does, from the same config.

    It saves what it takes to continue with each evaluation, so that --resume goes on
    after any end, a kill included, and ends with the same weights. Ctrl-C saves before
    it stops. Settings can be overridden, as in --paths.train train.spacy.
    On several devices:
    torchrun --nproc-per-node 4 -m spacy_bert train CONFIG --output OUT
    """
    from spacy.cli._util import (
        import_code,
        parse_config_overrides,
        setup_gpu,
        show_validation_error,
    )
    from spacy.util import load_config

    from ..processes.ranks import OtherRankError, open_ranks
    from ..training.errors import TrainingError
    from ..training.loop import train
    from .devices import choose_device
    from .errors import shown_as_messages

    overrides = parse_config_overrides(ctx.args)
    import_code(code_path)
    with shown_as_messages():
        device = choose_device(gpu_id)
    use_gpu = -1 if device.index is None else device.index
    try:
        with shown_as_messages(mistakes=(TrainingError, OSError)):
            with open_ranks(device) as ranks:
                setup_gpu(use_gpu, silent=not ranks.is_first)
                with show_validation_error(config_path):
                    config = load_config(
                        config_path, overrides=overrides, interpolate=False
                    )
                with show_validation_error(config_path, hint_fill=False):
                    outcome = train(
                        config,
                        output_path,
                        stdout=sys.stdout,
                        stderr=sys.stderr,
                        resume=resume,
                        overwrite=overwrite,
                        use_gpu=use_gpu,
                        ranks=ranks,
                    )
    except OtherRankError as error:
        # The other one says why.
        raise typer.Exit(1) from error
    if ranks.is_first and outcome.is_stopped:
        msg.warn(
            f"Stopped after step {outcome.n_steps - 1} and saved. Continue with "
            "--resume."
        )
    elif ranks.is_first:
        msg.good("Saved pipeline to output directory", output_path / "model-last")
    if outcome.is_stopped:
        raise typer.Exit(STOPPED)
