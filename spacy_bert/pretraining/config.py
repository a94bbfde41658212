"""The settings of a pretraining run: checked once, before anything is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..checkpoint import read_config
from ..model import BertConfig
from ..tokenization.wordpiece import MASK
from .sections import check_names, expect, read_section
from .text.corpus import CorpusConfig

# The commands read [paths] and [logger].
SECTIONS = ("paths", "corpus", "vocabulary", "model", "pretraining", "logger")
LIMITS = ("max_steps", "max_epochs", "max_minutes")


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """`path` is a `vocab.txt` or a checkpoint's folder.

    `size` is for learning one, `extend_vocab` how many pieces of the corpus are added
    to a checkpoint's, `min_frequency` for both. None: what the folder says; text is
    lower-cased, and its accents stripped, where nothing says otherwise.
    """

    path: str
    size: int = 8192
    min_frequency: int = 2
    extend_vocab: int = 0
    lowercase: bool | None = None
    strip_accents: bool | None = None
    split_chinese: bool | None = None

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("min_frequency", 1), ("extend_vocab", 0)):
            value = getattr(self, name)
            place, expected = f"[vocabulary] {name}", f"at least {least}"
            expect(value >= least, place=place, expected=expected, got=value)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The section [pretraining]. Defaults are the paper's where a small run allows.

    max_steps, max_epochs, max_minutes: the run ends where the first of those that are
        given is reached; the learning rate follows it. Minutes are those of the loop.
    schedule, warmup_ratio, decay_ratio: see `schedule.learn_rate_at`; parts of the run.
    optimizer: AdamW, or Muon for the matrices between hidden states and AdamW for the
        rest.
    precision: "bf16" computes in bfloat16 and keeps the weights in float32.
    compile: the layers go through torch.compile.
    parallel: what torchrun's processes, the ranks, do. Each has all weights and a part
        of each step's sequences under "ddp" (DistributedDataParallel); under "fsdp"
        (fully_shard) a part of the weights and of the optimizer's moments, too.
    recompute: layers are computed again for the gradients instead of kept in memory.
    max_skipped: steps in a row that may fail, as their loss or gradient is not finite
        or the loss explodes, before the run ends with an error.

    checkpoint: a BERT folder whose weights are the start, instead of random ones.
    warm_start: embeddings start from the corpus's counts of co-occurrence, and the
        first layer looks at the neighbours of each piece.
    batch_size: sequences in a forward pass; a step has `accumulate_gradient` of them,
        which the ranks share, in smaller or fewer passes.
    max_length: pieces in a sequence, [CLS] and [SEP] included. With `final_max_length`
        the last `final_share` of the run has sequences of that length instead (Devlin
        et al. 2018, appendix A.2: 128, then 512 for the last tenth), in batches of as
        many pieces. Held-out text is always read in sequences of `max_length`.
    next_sentence: "nsp", does B follow A or is it random; "sop", are A and B in order
        or swapped; "none", no such task, and sequences of one segment.
    masking: "pieces" hides single pieces; "words" whole ones, which are spaCy's tokens;
        "spans" of 1 to 10 words.
    faithful: as in create_pretraining_data.py (google-research/bert), to its faults.
        What that changes:
        - pairs of one sentence are random on top of half of the others (by default
          half of all pairs are, where the documents allow it);
        - the random half may, with ten unlucky draws, be of the same document (never);
        - [UNK] is hidden too (no special piece is);
        - random pieces come from the whole vocabulary, [PAD] and [unused...] included
          (neither these nor other special pieces);
        - "words" are runs of "##" pieces (spaCy's tokens), and words that would exceed
          the budget are skipped, so that long ones are hidden less often (all words
          equally often, as many pieces as the budget on average);
        - after ten epochs the same pairs and masks come again (never).
    max_predictions_per_seq: the most that mask_prob may give; null: no such limit. In
        the original it is 20, which 15 % of 128 do not reach.
    eval_every, log_every, save_every: in steps.
    probes: texts with [MASK] that the model is asked to fill at each save; none: some
        held-out sentences.
    """

    checkpoint: str | None = None
    warm_start: bool = False
    seed: int = 0
    max_steps: int | None = None
    max_epochs: float | None = None
    max_minutes: float | None = None
    batch_size: int = 64
    accumulate_gradient: int = 1
    max_length: int = 128
    final_max_length: int | None = None
    final_share: float = 0.1
    next_sentence: Literal["nsp", "sop", "none"] = "nsp"
    short_seq_prob: float = 0.1
    masking: Literal["pieces", "words", "spans"] = "pieces"
    mask_prob: float = 0.15
    mask_token_prob: float = 0.8
    random_piece_prob: float = 0.1
    max_predictions_per_seq: int | None = None
    faithful: bool = False
    learn_rate: float = 1e-4
    schedule: Literal["linear", "cosine", "wsd"] = "linear"
    warmup_ratio: float = 0.01
    decay_ratio: float = 0.2
    optimizer: Literal["adamw", "muon"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-6
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    recompute: bool = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    max_skipped: int = 10
    eval_every: int = 500
    n_eval_instances: int = 512
    log_every: int = 100
    save_every: int = 500
    probes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        at_least = {"seed": 0, "max_length": 5, "weight_decay": 0, "max_skipped": 0}
        counts = "batch_size accumulate_gradient n_eval_instances"
        at_least |= dict.fromkeys(counts.split(), 1)
        at_least |= dict.fromkeys(("eval_every", "log_every", "save_every"), 1)
        for name, least in at_least.items():
            self._expect(name, f"at least {least}", getattr(self, name) >= least)
        self._expect("seed", "below 2 ** 63", self.seed < 1 << 63)
        for name in LIMITS:
            value = getattr(self, name)
            self._expect(name, "a number above 0", value is None or value > 0)
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
        if self.max_predictions_per_seq is not None:
            is_count = self.max_predictions_per_seq >= 1
            self._expect("max_predictions_per_seq", "at least 1", is_count)
        if self.final_max_length is not None:
            expected = f"more than max_length = {self.max_length}"
            is_longer = self.final_max_length > self.max_length
            self._expect("final_max_length", expected, is_longer)
        is_share = 0.0 < self.final_share < 1.0
        self._expect("final_share", "a share above 0 and below 1", is_share)
        if self.faithful:
            expected = "'nsp' with faithful = true, as the original has nothing else"
            self._expect("next_sentence", expected, self.next_sentence == "nsp")
            expected = "'pieces' or 'words' with faithful = true, as in the original"
            self._expect("masking", expected, self.masking != "spans")
        expected = "false beside a checkpoint, whose embeddings it would overwrite"
        self._expect("warm_start", expected, not (self.warm_start and self.checkpoint))
        have_masks = all(MASK in text for text in self.probes)
        self._expect("probes", f"texts that each have {MASK} in them", have_masks)
        is_part = 0.0 <= self.warmup_ratio < 1.0
        self._expect("warmup_ratio", "a part from 0 up to, not including, 1", is_part)
        expected = f"above 0 and at most 1 - warmup_ratio = {1 - self.warmup_ratio:g}"
        is_part = 0.0 < self.decay_ratio <= 1 - self.warmup_ratio + 1e-9
        self._expect("decay_ratio", expected, is_part or self.schedule != "wsd")

    def _expect(self, name: str, expected: str, is_right: bool) -> None:
        place = f"[pretraining] {name}"
        expect(is_right, place=place, expected=expected, got=getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """The whole config. `model` holds those fields of BertConfig that are given."""

    corpus: CorpusConfig
    vocabulary: VocabularyConfig
    model: Mapping[str, Any] = field(default_factory=dict)
    pretraining: TrainingConfig

    def __post_init__(self) -> None:
        if all(getattr(self.pretraining, name) is None for name in LIMITS):
            raise ValueError(
                f"[pretraining]: expected {', '.join(LIMITS[:2])} or {LIMITS[2]}, got "
                "none. Say how long to train, such as max_minutes = 60."
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PretrainingConfig":
        """Raises ValueError where the sections make no run."""
        check_names(values, SECTIONS, what="section", where="in the config")
        training = read_section(
            TrainingConfig, values.get("pretraining", {}), section="pretraining"
        )
        vocabulary = dict(values.get("vocabulary", {}))
        if training.checkpoint is not None:
            if not (Path(training.checkpoint) / "config.json").is_file():
                raise FileNotFoundError(
                    "[pretraining] checkpoint: expected the folder of a BERT, with its "
                    f"config.json, found none at {training.checkpoint!r}."
                )
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
            expect(
                config.vocabulary.extend_vocab == 0,
                place="[vocabulary] extend_vocab",
                expected="0 where there is no [pretraining] checkpoint to extend",
                got=config.vocabulary.extend_vocab,
            )
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
            bert.n_segments > 1 or self.pretraining.next_sentence == "none",
            place="[model] n_segments",
            expected="2, as pairs have two segments (next_sentence = 'none' has one)",
            got=bert.n_segments,
        )
        for name in ("max_length", "final_max_length"):
            length = getattr(self.pretraining, name)
            expect(
                length is None or length <= bert.max_positions,
                place=f"[pretraining] {name}",
                expected=f"at most [model] max_positions = {bert.max_positions}",
                got=length,
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
