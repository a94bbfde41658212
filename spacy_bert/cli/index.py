"""`spacy bert index`: the corpus of a config -> its index, or some shards of it."""

from pathlib import Path

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg


def index_cli(
    ctx: typer.Context,  # Holds the overrides
    config_path: Path = Arg(
        ..., help="Path to config file", exists=True, dir_okay=False
    ),
    output_path: Path = Arg(..., help="Folder that 'spacy bert pretrain' is given"),
    shard: str = Opt(
        "", "--shard", "-s", help="i/n: only the shards of the i-th of n machines"
    ),
    n_process: int = Opt(
        0, "--n-process", "-n", help="Processes to use, or 0 for all cores"
    ),
) -> None:
    """Build the index that 'spacy bert pretrain' reads.

    What is there already is kept, so an interrupted build continues. On several
    machines that share a folder, run each with its --shard, and then one without.
    """
    from ..corpus.index.building import build_shards, open_index
    from ..corpus.index.fingerprint import plan_index
    from ..corpus.sources import check_apart
    from ..corpus.vocabulary import load_vocabulary
    from ..locks import locked
    from ..pretraining.run_folder import INDEX, TEXT_FILES
    from .devices import check_processes
    from .errors import shown_as_messages
    from .lines import write_line
    from .settings import read_settings

    with shown_as_messages():
        machine = _read_machine(shard) if shard else None
        check_processes(n_process)
        config, splitter, _ = read_settings(config_path, ctx)
        if config.vocabulary.extend_vocab:
            raise ValueError(
                "[vocabulary] extend_vocab: expected 0, as the new pieces are chosen "
                "when pretraining starts, which builds the index with them."
            )
        check_apart(config.corpus.path, output_path, TEXT_FILES)
        plan = plan_index(
            config.corpus,
            tokenizer=load_vocabulary(config.vocabulary),
            splitter=splitter,
        )
        path = output_path / INDEX
        if machine:
            # Others may build their shards at the same time.
            with locked(output_path, shared=True):
                build_shards(
                    path, plan, machine=machine, n_process=n_process, write=write_line
                )
            msg.good(
                f"The shards of {shard} are done. Run without --shard once all are."
            )
            return
        use = config.pretraining.index_use()
        with locked(output_path):
            index = open_index(
                path, plan, n_process=n_process, write=write_line, use=use
            )
        n_train, n_held_out = index.train.n_pieces, index.held_out.n_pieces
        msg.good(
            f"{path} has {n_train:,} pieces to train on, and {n_held_out:,} held out"
        )


def _read_machine(shard: str) -> tuple[int, int]:
    """ "2/3" -> (2, 3)"""
    numbers = shard.split("/")
    if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
        number, n_machines = map(int, numbers)
        if 1 <= number <= n_machines:
            return number, n_machines
    raise ValueError(f"--shard: expected i/n with i from 1 to n, got {shard!r}.")
