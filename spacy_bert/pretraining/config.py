"""The settings of a pretraining run: checked once, before anything is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..checkpoint.resolving import name_folder
from ..corpus.documents import CorpusConfig
from ..corpus.vocabulary import VocabularyConfig
from ..model import BertConfig
from ..sections import Mistakes, Section, check_names, read_right_keys, read_section
from .agreement import (
    check_checkpoint_vocabulary,
    check_own_vocabulary,
    checkpoint_config,
    new_config,
)
from .training_config import TrainingConfig

# The commands read [paths] and [logger].
SECTIONS = ("paths", "corpus", "vocabulary", "model", "pretraining", "logger")

# A rate above it gets a warning.
LARGE_LEARN_RATE = 0.1


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """The config of a run; each section is a record of its own.

    corpus: the text, and how it is split into sentences.
    vocabulary: a `vocab.txt`, or how to learn one.
    model: those sizes of the architecture that are given, as [model] has them.
    pretraining: how to train.
    """

    corpus: CorpusConfig
    vocabulary: VocabularyConfig
    model: Mapping[str, Any] = field(default_factory=dict)
    pretraining: TrainingConfig

    def __post_init__(self) -> None:
        mistakes = Mistakes()
        self.pretraining.check_limits(mistakes)
        mistakes.raise_any()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PretrainingConfig":
        """Read section -> key -> value, as a config file has them. What is left out has
        its default.

        Raises MistakesError, a ValueError, with all that is wrong in all sections and
        between them.
        """
        mistakes = Mistakes()
        mistakes.collect(
            lambda: check_names(values, SECTIONS, what="section", where="in the config")
        )

        def read(section: str, kind: type[Section], given: Any) -> Section | None:
            return read_right_keys(kind, given, section=section, mistakes=mistakes)

        training = read("pretraining", TrainingConfig, values.get("pretraining", {}))
        checkpoint = training.checkpoint if training else None
        vocabulary = values.get("vocabulary", {})
        if checkpoint and isinstance(vocabulary, Mapping):
            # It comes with its own.
            path = vocabulary.get("path")
            own = name_folder(checkpoint)
            vocabulary = {**vocabulary, "path": own if path is None else path}
        corpus = read("corpus", CorpusConfig, values.get("corpus", {}))
        words = read("vocabulary", VocabularyConfig, vocabulary)
        bert = None
        if training:
            training.check_limits(mistakes)
        if checkpoint:
            bert = mistakes.collect(
                lambda: checkpoint_config(checkpoint, values.get("model"))
            )
            if words:
                check_checkpoint_vocabulary(words.path, checkpoint, mistakes)
        elif words:
            check_own_vocabulary(words.extend_vocab, mistakes)
            # The vocabulary may not be learned yet, so its size is taken on trust.
            bert = mistakes.collect(lambda: new_config(values.get("model"), words.size))
        if bert and training:
            training.check_model(bert, mistakes)
        mistakes.raise_any()
        assert corpus and words and training
        return cls(
            corpus=corpus,
            vocabulary=words,
            model=dict(values.get("model") or {}),
            pretraining=training,
        )

    def warnings(self) -> list[str]:
        """What is allowed, and hardly meant."""
        rate = self.pretraining.learn_rate
        if rate <= LARGE_LEARN_RATE:
            return []
        return [
            f"[pretraining] learn_rate = {rate:g} is far above what BERTs are trained "
            "with, 1e-5 to 1e-2. The loss may not fall."
        ]

    def bert_config(self, n_pieces: int) -> BertConfig:
        """The architecture: the checkpoint's if there is one, else that of [model].

        Raises MistakesError, a ValueError, if [model] contradicts the vocabulary or the
        checkpoint, or if sequences are longer than the model's positions.
        """
        mistakes = Mistakes()
        if self.pretraining.checkpoint:
            bert = checkpoint_config(self.pretraining.checkpoint, self.model)
        else:
            size = self.model.get("vocab_size")
            if size is not None and size != n_pieces:
                raise ValueError(
                    f"[model] vocab_size: expected {n_pieces}, the number of pieces in "
                    f"{self.vocabulary.path}, got {size}. Leave vocab_size out, or "
                    "learn a vocabulary of that size."
                )
            values = {**self.model, "vocab_size": n_pieces}
            bert = read_section(BertConfig, values, section="model")
        self.pretraining.check_model(bert, mistakes)
        mistakes.raise_any()
        return bert
