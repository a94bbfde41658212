"""A `vocab.txt` or texts -> the vocabulary of an encoder without a checkpoint."""

from collections.abc import Iterable
from pathlib import Path

from ..corpus.accents import choose_strip_accents, read_vocab_file
from ..tokenization import WordPiece, train_wordpiece


def make_vocabulary(
    path: str | Path | None,
    texts: Iterable[str],
    *,
    vocab_size: int,
    lang: str,
    lowercase: bool,
    strip_accents: bool | None,
    split_chinese: bool,
) -> WordPiece:
    """Read it from `path`; if that is None, learn it from the texts, which are in
    `lang`.

    Raises FileNotFoundError or ValueError if the file is no vocabulary, and ValueError
    if there is nothing to learn from.
    """
    if path is not None:
        return read_vocab_file(
            Path(path),
            lowercase=lowercase,
            strip_accents=strip_accents,
            split_chinese=split_chinese,
        )
    return train_wordpiece(
        texts,
        vocab_size=vocab_size,
        lowercase=lowercase,
        strip_accents=choose_strip_accents(
            strip_accents, lowercase=lowercase, lang=lang
        ),
        split_chinese=split_chinese,
    )
