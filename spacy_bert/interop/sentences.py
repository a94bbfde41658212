"""Sentences and words from spaCy, as [corpus] asks for them."""

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..corpus.documents import Sentence, Splitter
from .substrings import SubstringSplit, has_spacy_tokenizer

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from ..pretraining import PretrainingConfig

# What is not the name of a pipeline.
_RULES = ("lines", "sentencizer")

# Longer paragraphs than spaCy takes by default are fine for a rule-based component.
_MAX_CHARS = 1 << 31


def configured_splitter(config: "PretrainingConfig") -> Splitter | None:
    """What the whole config asks for."""
    training = config.pretraining
    finds_words = training.masking != "pieces" and not training.faithful
    return make_splitter(
        config.corpus.sentences, config.corpus.lang, finds_words=finds_words
    )


def make_splitter(
    sentences: str, lang: str, *, finds_words: bool = False
) -> Splitter | None:
    """`sentences`: "lines", "sentencizer", or a pipeline. Words are the tokens of that
    pipeline, and else of spaCy's tokenizer for `lang`. None if each line is a
    sentence and words are not asked for.

    Raises ValueError if spaCy does not know the language or the pipeline.
    """
    if sentences == "lines" and not finds_words:
        return None
    if sentences in _RULES and has_spacy_tokenizer(lang):
        split = SubstringSplit(
            lang=lang,
            finds_sentences=sentences == "sentencizer",
            finds_words=finds_words,
        )
        name = f"{sentences} ({lang})"
        return Splitter(name=name, split=split, finds_words=finds_words)
    by_pipeline = _SpacySplit(sentences=sentences, lang=lang, finds_words=finds_words)
    return Splitter(name=by_pipeline.name(), split=by_pipeline, finds_words=finds_words)


@dataclass(frozen=True, kw_only=True)
class _SpacySplit:
    """Paragraphs -> the sentences of each. Each process loads the pipeline itself."""

    sentences: str
    lang: str
    finds_words: bool

    def __call__(self, paragraphs: list[str]) -> list[list[Sentence]]:
        # New words are forgotten again, or memory grows with the corpus.
        with self._nlp.memory_zone():
            return [self._split(doc) for doc in self._nlp.pipe(paragraphs)]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_nlp"}

    def name(self) -> str:
        """Raises ValueError if the pipeline, or a package for it, is missing."""
        if self.sentences not in _RULES:
            return _pipeline_name(self.sentences)
        if self.finds_words and self.lang == "zh" and not find_spec("jieba"):
            raise ValueError(
                "Chinese words are found with the package jieba, which is not "
                "installed. Install it with: pip install 'spacy-bert[zh]', or name a "
                "pipeline of yours as [corpus] sentences."
            )
        try:
            _ = self._nlp
        except ImportError as error:
            raise ValueError(
                f"[corpus] lang: spaCy needs another package for {self.lang!r}: {error}"
            ) from error
        return f"{self.sentences} ({self.lang})"

    @cached_property
    def _nlp(self) -> "Language":
        import spacy

        if self.sentences not in _RULES:
            return spacy.load(self.sentences)
        # By default spaCy takes each Chinese character for a token.
        by_word = self.finds_words and self.lang == "zh"
        config = {"nlp": {"tokenizer": {"segmenter": "jieba"}}} if by_word else {}
        nlp = spacy.blank(self.lang, config=config)
        if by_word:
            import jieba

            # It logs where its dictionary is, in each process.
            jieba.setLogLevel(logging.WARNING)
        if self.sentences == "sentencizer":
            nlp.add_pipe("sentencizer")
        nlp.max_length = _MAX_CHARS
        return nlp

    def _split(self, doc: "Doc") -> list[Sentence]:
        if self.sentences == "lines":
            return [self._sentence(doc, 0, len(doc))]
        if not doc.has_annotation("SENT_START"):
            raise ValueError(
                f"[corpus] sentences: expected a pipeline that finds sentences, got "
                f"{self.sentences}, which has {', '.join(self._nlp.pipe_names)}."
            )
        return [self._sentence(doc, sent.start, sent.end) for sent in doc.sents]

    def _sentence(self, doc: "Doc", start: int, end: int) -> Sentence:
        span = doc[start:end]
        if not self.finds_words:
            return Sentence(span.text)
        first = span.start_char
        return Sentence(span.text, [token.idx - first for token in span])


def _pipeline_name(pipeline: str) -> str:
    from spacy import util

    try:
        if util.is_package(pipeline):
            util.get_model_meta(_package_folder(pipeline))
            return f"{pipeline} {util.get_package_version(pipeline)}"
        meta = util.get_model_meta(pipeline)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"[corpus] sentences: expected 'lines', 'sentencizer', or the name or path "
            f"of a spaCy pipeline, got {pipeline!r}."
        ) from error
    return f"{meta['lang']}_{meta['name']} {meta['version']} {_hash(Path(pipeline))}"


def _package_folder(package: str) -> Path:
    """Where it is installed. It is not imported, as it may be any package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{package!r} is no package of modules.")
    return Path(spec.submodule_search_locations[0])


def _hash(folder: Path) -> str:
    """Hash all files, because a pipeline that is trained again often keeps its
    version."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode("utf8"))
        digest.update(path.read_bytes())
    return digest.hexdigest()
