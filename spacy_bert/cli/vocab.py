"""`spacy bert vocab`: the corpus of a config -> its vocabulary."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from spacy.cli._util import Arg, Opt
from wasabi import msg

if TYPE_CHECKING:
    from ..corpus.lost_accents import LostAccents
    from ..pretraining import PretrainingConfig
    from ..tokenization import UnknownWords, WordPiece


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
    from ..corpus.index.advice import MANY_UNKNOWN
    from ..corpus.lost_accents import AccentCounter
    from ..corpus.vocabulary import learn_vocabulary, shown_training_lines
    from ..tokenization import find_unknown
    from .errors import shown_as_messages
    from .settings import read_settings

    with shown_as_messages():
        config, _, _ = read_settings(config_path, ctx, learns_vocabulary=True)
        tokenizer = learn_vocabulary(
            config.corpus,
            config.vocabulary,
            show_progress=not quiet,
            force=force,
        )
        msg.good(f"Wrote {tokenizer.n_pieces:,} pieces to {config.vocabulary.path}")
        if tokenizer.n_pieces < config.vocabulary.size:
            msg.warn(
                f"[vocabulary] size asks for {config.vocabulary.size:,} pieces, but no "
                f"others occur {config.vocabulary.min_frequency} times in the corpus."
            )
        msg.info(_describe_accents(tokenizer, config))
        if not quiet:
            msg.text("Counting the words that are [UNK] ...")
        write = None if quiet else print
        accents = AccentCounter(split_chinese=tokenizer.split_chinese)
        strips = _strips_accents(tokenizer)
        with shown_training_lines(config.corpus, "Counting", write) as lines:
            unknown = find_unknown(tokenizer, accents.watch(lines) if strips else lines)
        say = msg.warn if unknown.ratio >= MANY_UNKNOWN else msg.info
        say(_describe(unknown))
        lost = accents.result()
        if lost.is_large:
            msg.warn(_describe_lost(lost))


def _strips_accents(tokenizer: "WordPiece") -> bool:
    asked = tokenizer.strip_accents
    return tokenizer.lowercase if asked is None else asked


def _describe_accents(tokenizer: "WordPiece", config: "PretrainingConfig") -> str:
    """What was decided, and by what."""
    asked, lang = config.vocabulary.strip_accents, config.corpus.lang
    strips = _strips_accents(tokenizer)
    text = f"Accents are {'stripped' if strips else 'kept'}"
    if asked is not None:
        return f"{text}: [vocabulary] strip_accents = {str(asked).lower()}"
    if not tokenizer.lowercase:
        return f"{text}: [vocabulary] lowercase = false"
    if not strips:
        return (
            f"{text}, as they tell words apart in [corpus] lang = {lang!r}. To strip "
            "them all the same, set [vocabulary] strip_accents = true"
        )
    return (
        f"{text} with [corpus] lang = {lang!r}, as BERT does. To keep them, set "
        "[vocabulary] strip_accents = false"
    )


def _describe_lost(lost: "LostAccents") -> str:
    text = f"Stripping accents changes {lost.letter_ratio:.1%} of the letters"
    if lost.changed:
        text += f" ({' becomes '.join(lost.changed)})"
    if lost.n_merged:
        examples = ", ".join(" = ".join(words) for words in lost.examples)
        text += (
            f", and of the {lost.n_words:,} most frequent words {lost.n_merged:,} "
            f"({lost.word_ratio:.1%}) become equal to others: {examples}"
        )
    return (
        f"{text}. To tell them apart, set [vocabulary] strip_accents = false and learn "
        "the vocabulary again with --force"
    )


def _describe(unknown: "UnknownWords") -> str:
    text = f"{unknown.n_words:,} words and punctuation marks were read"
    if not unknown.n_unknown:
        return f"{text}, and none of them is [UNK]"
    examples = ", ".join(f"{word[:30]} ({n:,})" for word, n in unknown.examples)
    text += f", of which {unknown.ratio:.2%} are [UNK]: {examples}"
    if unknown.n_characters:
        text += (
            f". {unknown.n_characters:,} different characters are in no piece. If they "
            "matter, give [vocabulary] a larger size, half of which is for characters"
        )
    return text
