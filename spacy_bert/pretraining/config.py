"""The settings of a pretraining run: checked once, before anything is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..checkpoint import read_config
from ..model import BertConfig
from .corpus import CorpusConfig
from .sections import check_names, expect, read_section

SECTIONS = ("paths", "corpus", "vocabulary", "model", "pretraining")


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """`path` is a `vocab.txt` or a checkpoint's folder.

    `size` and `min_frequency` are for learning one. None: what the folder says; text
    is lower-cased, and its accents stripped, where nothing says otherwise.
    """

    path: str
    size: int = 8192
    min_frequency: int = 2
    lowercase: bool | None = None
    strip_accents: bool | None = None
    split_chinese: bool | None = None

    def __post_init__(self) -> None:
        for name in ("size", "min_frequency"):
            value = getattr(self, name)
            place = f"[vocabulary] {name}"
            expect(value >= 1, place=place, expected="at least 1", got=value)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The section [pretraining]. Defaults are the paper's where a small run allows.

    checkpoint: a BERT folder whose weights are the start, instead of random ones.
    warm_start: embeddings start from the corpus's counts of co-occurrence.
    batch_size: sequences in a forward pass; a step has `accumulate_gradient` of them.
    eval_every, log_every, save_every: in steps.
    """

    checkpoint: str | None = None
    warm_start: bool = False
    seed: int = 0
    max_steps: int = 10_000
    batch_size: int = 64
    accumulate_gradient: int = 1
    max_length: int = 128
    short_seq_prob: float = 0.1
    mask_prob: float = 0.15
    mask_token_prob: float = 0.8
    random_piece_prob: float = 0.1
    learn_rate: float = 1e-4
    warmup_steps: int = 100
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-6
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    eval_every: int = 500
    n_eval_instances: int = 512
    log_every: int = 100
    save_every: int = 500

    def __post_init__(self) -> None:
        at_least = {"seed": 0, "warmup_steps": 0, "max_length": 5, "weight_decay": 0}
        counts = "max_steps batch_size accumulate_gradient n_eval_instances"
        at_least |= dict.fromkeys(counts.split(), 1)
        at_least |= dict.fromkeys(("eval_every", "log_every", "save_every"), 1)
        for name, least in at_least.items():
            self._expect(name, f"at least {least}", getattr(self, name) >= least)
        for name in "short_seq_prob mask_token_prob random_piece_prob".split():
            is_share = 0.0 <= getattr(self, name) <= 1.0
            self._expect(name, "a probability from 0 to 1", is_share)
        is_share = 0.0 < self.mask_prob <= 1.0
        self._expect("mask_prob", "a probability above 0 and at most 1", is_share)
        for name in ("learn_rate", "eps", "max_grad_norm"):
            self._expect(name, "a number above 0", getattr(self, name) > 0)
        are_betas = all(0.0 <= beta < 1.0 for beta in self.betas)
        self._expect("betas", "two numbers from 0 up to, not including, 1", are_betas)
        expected = f"at most 1 - mask_token_prob = {1 - self.mask_token_prob:g}"
        is_rest = self.random_piece_prob <= 1 - self.mask_token_prob + 1e-9
        self._expect("random_piece_prob", expected, is_rest)
        expected = "false beside a checkpoint, whose embeddings it would overwrite"
        self._expect("warm_start", expected, not (self.warm_start and self.checkpoint))
        expected = f"less than max_steps = {self.max_steps}"
        self._expect("warmup_steps", expected, self.warmup_steps < self.max_steps)

    def _expect(self, name: str, expected: str, is_right: bool) -> None:
        place = f"[pretraining] {name}"
        expect(is_right, place=place, expected=expected, got=getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """The whole config. `model` holds those fields of BertConfig that are given."""

    corpus: CorpusConfig
    vocabulary: VocabularyConfig
    model: Mapping[str, Any] = field(default_factory=dict)
    pretraining: TrainingConfig = field(default_factory=TrainingConfig)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PretrainingConfig":
        """Raises ValueError where the sections make no run."""
        check_names(values, SECTIONS, what="section", where="in the config")
        training = read_section(
            TrainingConfig, values.get("pretraining", {}), section="pretraining"
        )
        vocabulary = dict(values.get("vocabulary", {}))
        if training.checkpoint:
            vocabulary.setdefault("path", training.checkpoint)
        config = cls(
            corpus=read_section(
                CorpusConfig, values.get("corpus", {}), section="corpus"
            ),
            vocabulary=read_section(VocabularyConfig, vocabulary, section="vocabulary"),
            model=dict(values.get("model", {})),
            pretraining=training,
        )
        if training.checkpoint is None:
            # The vocabulary may not be learned yet, so its size is taken on trust.
            config.bert_config(config.model.get("vocab_size") or config.vocabulary.size)
        return config

    def bert_config(self, n_pieces: int) -> BertConfig:
        """The architecture: the checkpoint's where there is one, else [model]'s.

        Raises ValueError where [model] contradicts the vocabulary or the checkpoint,
        or sequences are longer than the model's positions.
        """
        if self.pretraining.checkpoint:
            bert = self._checkpoint_config(Path(self.pretraining.checkpoint))
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
        expect(
            self.pretraining.max_length <= bert.max_positions,
            place="[pretraining] max_length",
            expected=f"at most [model] max_positions = {bert.max_positions}",
            got=self.pretraining.max_length,
        )
        return bert

    def _checkpoint_config(self, path: Path) -> BertConfig:
        """The checkpoint's, with the dropout that [model] asks for."""
        bert = read_config(path)
        values = {**asdict(bert), **self.model}
        asked = read_section(BertConfig, values, section="model")
        dropout = {
            name: getattr(asked, name)
            for name in ("hidden_dropout_prob", "attention_dropout_prob")
        }
        for name, value in asdict(replace(bert, **dropout)).items():
            expect(
                getattr(asked, name) == value,
                place=f"[model] {name}",
                expected=f"{value!r}, as in the checkpoint {path}",
                got=getattr(asked, name),
            )
        return replace(bert, **dropout)
