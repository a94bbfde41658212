"""The vocabulary of a run: learned from its corpus, or read."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..checkpoint.resolving import resolve_vocabulary
from ..folders import replacing_file
from ..outputs import VOCABULARY, check_output
from ..sections import Mistakes
from ..tokenization import PieceTokenizer, WordPiece, load_tokenizer, train_wordpiece
from .accents import choose_strip_accents, read_vocab_file
from .documents import CorpusConfig, find_sources, read_documents
from .held_out import HeldOut, choose_held_out
from .progress_bar import Write, shown_lines, text_bytes
from .sources import would_find


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """`path` is a `vocab.txt`, a checkpoint's folder, or its name on the Hub.

    `size` is for learning one, `extend_vocab` how many pieces of the corpus are added
    to a checkpoint's, `min_frequency` for both. None: what the folder says; else text
    is lower-cased, and accents are stripped with it unless the language of a new
    vocabulary, or a piece of one that is read, says that they are kept.
    """

    path: str
    size: int = 8192
    min_frequency: int = 2
    extend_vocab: int = 0
    lowercase: bool | None = None
    strip_accents: bool | None = None
    split_chinese: bool | None = None

    @property
    def settings(self) -> dict[str, bool | None]:
        """How text is normalized."""
        return {
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "split_chinese": self.split_chinese,
        }

    def __post_init__(self) -> None:
        mistakes = Mistakes()
        for name, least in (("size", 1), ("min_frequency", 1), ("extend_vocab", 0)):
            value = getattr(self, name)
            setting, expected = f"[vocabulary] {name}", f"at least {least}"
            mistakes.expect(
                value >= least, setting=setting, expected=expected, got=value
            )
        mistakes.raise_any()


def learn_vocabulary(
    corpus: CorpusConfig,
    config: VocabularyConfig,
    *,
    show_progress: bool = False,
    force: bool = False,
) -> WordPiece:
    """From the documents that are not held out, written to `config.path`; returned as
    it is read from there.

    force: replace an earlier vocabulary there.

    Raises ValueError if there is nothing to learn from or the path is one of the
    corpus, and FileExistsError if it would take the place of something else.
    """
    path = Path(config.path)
    if path.is_dir() or not path.suffix:
        raise ValueError(
            "[vocabulary] path: expected a file to write, such as vocab.txt, got "
            f"{path}, a folder or a name without a suffix. The vocabulary of a "
            "checkpoint needs no learning."
        )
    if (path.parent / "config.json").exists():
        raise FileExistsError(
            f"[vocabulary] path: expected a file of its own, got {path}, where a "
            "checkpoint lies, whose vocabulary it would replace. Give another path, or "
            "go on with the checkpoint's vocabulary, which needs no learning."
        )
    path = check_output(path, VOCABULARY, force=force, inputs=_files(corpus))
    if would_find(corpus.path, path):
        raise ValueError(
            f"[vocabulary] path: expected a file apart from the corpus, got {path}, "
            f"which [corpus] path = {corpus.path!r} takes for text. Give another path."
        )
    strip = choose_strip_accents(
        config.strip_accents,
        lowercase=config.lowercase is not False,
        lang=corpus.lang,
    )
    with shown_training_lines(
        corpus, "Merging pieces", print if show_progress else None, n_times=2
    ) as lines:
        tokenizer = train_wordpiece(
            lines,
            vocab_size=config.size,
            min_frequency=config.min_frequency,
            lowercase=config.lowercase is not False,
            strip_accents=strip,
            split_chinese=config.split_chinese is not False,
        )
    with replacing_file(path) as new:
        new.write_text("".join(f"{p}\n" for p in tokenizer.pieces), encoding="utf8")
    return _read_file(path, config)


def load_vocabulary(config: VocabularyConfig) -> PieceTokenizer:
    """The config's settings go before a folder's. Raises FileNotFoundError if there is
    none yet, and ValueError if it is damaged or has no such settings."""
    path = resolve_vocabulary(config.path)
    if path.is_dir():
        return load_tokenizer(path, **config.settings)
    if not path.is_file():
        raise FileNotFoundError(
            f"[vocabulary] path: expected a vocabulary, found nothing at {path}. "
            "Learn one with 'spacy bert vocab' and the same config."
        )
    return _read_file(path, config)


def _read_file(path: Path, config: VocabularyConfig) -> WordPiece:
    return read_vocab_file(
        path,
        lowercase=config.lowercase is not False,
        strip_accents=config.strip_accents,
        split_chinese=config.split_chinese is not False,
    )


def _files(corpus: CorpusConfig) -> list[Path]:
    """Those of the corpus, if it is in files."""
    paths = {Path(source.path) for source in find_sources(corpus)}
    return [path for path in paths if path.exists()]


@dataclass(frozen=True)
class TrainingLines:
    """The lines that are not held out, read again each time they are asked for.

    Words are the same whether or not lines are split into sentences.
    """

    corpus: CorpusConfig

    def __iter__(self) -> Iterator[str]:
        for lines in self._documents():
            train, _ = self._held_out.divide(lines)
            yield from train

    @cached_property
    def _held_out(self) -> HeldOut:
        return choose_held_out(
            self._documents(),
            self.corpus.held_out_ratio,
            one_a_line=self.corpus.sentences == "lines",
        )

    def _documents(self) -> Iterator[list[str]]:
        return read_documents(find_sources(self.corpus), self.corpus.settings)


def shown_training_lines(
    corpus: CorpusConfig, then: str, write: Write | None, *, n_times: int = 1
) -> AbstractContextManager[Iterable[str]]:
    """Lines of training that show how far they are read. then: what follows that;
    n_times: how often they are read."""
    n_bytes = text_bytes(find_sources(corpus))
    lines = TrainingLines(corpus)
    return shown_lines(lines, n_bytes, then, write, n_times=n_times)
