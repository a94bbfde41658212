"""`spacy bert vocab`: the corpus of a config -> its vocabulary."""

from pathlib import Path

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg


def vocab_cli(
    ctx: typer.Context,  # Holds the overrides
    config_path: Path = Arg(
        ..., help="Path to config file", exists=True, dir_okay=False
    ),
    quiet: bool = Opt(False, "--quiet", "-q", help="Show no progress bars"),
) -> None:
    """Learn a WordPiece vocabulary.

    Reads the config's [corpus], without the documents that are held out, and writes
    [vocabulary] path. Settings can be overridden, as in --vocabulary.size 16000.
    """
    from ..pretraining.vocabulary import learn_vocabulary
    from .errors import shown_as_messages
    from .settings import read_settings

    with shown_as_messages():
        config, _, _ = read_settings(config_path, ctx, learns_vocabulary=True)
        wordpiece = learn_vocabulary(
            config.corpus,
            config.vocabulary,
            show_progress=not quiet,
        )
        msg.good(f"Wrote {wordpiece.n_pieces:,} pieces to {config.vocabulary.path}")
        if wordpiece.n_pieces < config.vocabulary.size:
            msg.warn(
                f"[vocabulary] size asks for {config.vocabulary.size:,} pieces: the "
                "corpus has no more that are frequent enough."
            )
