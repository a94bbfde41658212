"""`spacy bert vocab`: the corpus of a config -> its vocabulary."""

from pathlib import Path

import typer
from spacy.cli._util import Arg, Opt, parse_config_overrides
from wasabi import msg


def vocab_cli(
    ctx: typer.Context,  # Holds the overrides
    config_path: Path = Arg(
        ..., help="Path to config file", exists=True, dir_okay=False
    ),
    quiet: bool = Opt(False, "--quiet", "-q", help="Show no progress bars"),
    force: bool = Opt(False, "--force", "-F", help="Replace an earlier vocabulary"),
) -> None:
    """Learn a WordPiece vocabulary.

    Reads the config's [corpus], without the documents that are held out, and writes
    [vocabulary] path. Settings can be overridden, as in --vocabulary.size 16000.
    """
    from spacy.util import load_config

    from ..pretraining import PretrainingConfig
    from ..pretraining.vocabulary import learn_vocabulary
    from .errors import shown_as_messages

    with shown_as_messages():
        overrides = parse_config_overrides(ctx.args)
        config = PretrainingConfig.from_dict(
            load_config(config_path, overrides, interpolate=True)
        )
        if config.pretraining.checkpoint is not None:
            raise ValueError(
                "[pretraining] checkpoint: expected none where a vocabulary is "
                f"learned, got {config.pretraining.checkpoint!r}, which has its own. "
                "To add pieces to it, set [vocabulary] extend_vocab and run 'spacy "
                "bert pretrain'."
            )
        wordpiece = learn_vocabulary(
            config.corpus,
            config.vocabulary,
            show_progress=not quiet,
            force=force,
        )
        msg.good(f"Wrote {wordpiece.n_pieces:,} pieces to {config.vocabulary.path}")
        if wordpiece.n_pieces < config.vocabulary.size:
            msg.warn(
                f"[vocabulary] size asks for {config.vocabulary.size:,} pieces: the "
                "corpus has no more that are frequent enough."
            )
