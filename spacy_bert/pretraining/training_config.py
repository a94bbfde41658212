"""The section [pretraining]: how to train, checked once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..corpus.index.advice import IndexUse
from ..model import BertConfig
from ..sections import Mistake, Mistakes
from ..tokenization.special import MASK
from .agreement import check_model

LIMITS = ("max_steps", "max_epochs", "max_minutes")

# A rate above it is a slip of the pen.
MAX_LEARN_RATE = 1.0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The section [pretraining]. Defaults are the paper's if a small run allows them.

    max_steps, max_epochs, max_minutes: the run ends when the first of those that are
        given is reached; the learning rate follows it. Minutes are those of the steps,
        with evaluations and saves: the index and the warm start come first, and are not
        counted.
    schedule, warmup_ratio, decay_ratio: see `schedule.learn_rate_at`; fractions of
        the run.
    optimizer: AdamW, or Muon for the matrices between hidden states and AdamW for the
        rest.
    precision: "bf16" computes in bfloat16 and keeps the weights in float32.
    compile: the layers go through torch.compile.
    parallel: what torchrun's processes, the ranks, do. Each has all weights and a slice
        of each step's sequences under "ddp" (DistributedDataParallel); under "fsdp"
        (fully_shard) a shard of the weights and of the optimizer state, too.
    recompute: layers are computed again for the gradients instead of kept in memory.
    max_skipped: steps in a row that may fail, as their loss or gradient is not finite
        or the loss explodes, before the run ends with an error.

    checkpoint: a BERT whose weights are the start, instead of random ones: a folder, or
        a name on the Hugging Face Hub.
    warm_start: embeddings start from the corpus's counts of co-occurrence, and the
        first layer looks at the neighbours of each piece.
    batch_size: sequences in a forward pass; a step has `accumulate_gradient` of them,
        which the ranks share, in smaller or fewer passes.
    max_length: pieces in a sequence, [CLS] and [SEP] included. With `final_max_length`
        the last `final_ratio` of the run has sequences of that length instead (Devlin
        et al. 2018, appendix A.2: 128, then 512 for the last tenth), in batches of as
        many pieces. Held-out text is always read in sequences of `max_length`.
    next_sentence: "nsp", does B follow A or is it random; "sop", are A and B in order
        or swapped; "none", no such task, and sequences of one segment.
    masking: "pieces" hides single pieces; "words" whole ones, which are spaCy's tokens;
        "spans" of 1 to 10 words.
    faithful: as in create_pretraining_data.py (google-research/bert), to its faults.
        What that changes:
        - pairs of one sentence are random on top of half of the others (by default
          half of all pairs are, if the documents allow it);
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
    fill_mask_samples: texts with [MASK] that the model fills at each save; none: some
        held-out sentences.
    minimal_pairs: a JSONL file, or a folder of them, of good and bad sentences
        (`read_minimal_pairs`), of which the model tells the good ones at each save;
        n_minimal_pairs: of each paradigm, 0 for all.
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
    final_ratio: float = 0.1
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
    fill_mask_samples: tuple[str, ...] = ()
    minimal_pairs: str | None = None
    n_minimal_pairs: int = 50

    def __post_init__(self) -> None:
        """Raises MistakesError, a ValueError, with all that is wrong."""
        mistakes = Mistakes()

        def check(name: str, expected: str, is_right: bool, *needs: str) -> None:
            mistakes.expect(
                is_right,
                setting=f"[pretraining] {name}",
                expected=expected,
                got=getattr(self, name),
                needs=[f"[pretraining] {other}" for other in needs],
            )

        self._check_ranges(check)
        self._check_combinations(check)
        mistakes.raise_any()

    def check_model(self, bert: BertConfig, mistakes: Mistakes) -> None:
        """Note what in it is not right for this training."""
        lengths = {
            "max_length": self.max_length,
            "final_max_length": self.final_max_length,
        }
        check_model(
            bert, next_sentence=self.next_sentence, lengths=lengths, mistakes=mistakes
        )

    def index_use(self) -> IndexUse:
        """What its warnings about the index depend on."""
        return IndexUse(
            from_checkpoint=self.checkpoint is not None,
            next_sentence=self.next_sentence,
        )

    def check_limits(self, mistakes: Mistakes) -> None:
        """Note if nothing says when the run ends."""
        if all(getattr(self, name) is None for name in LIMITS):
            message = (
                f"[pretraining]: expected {', '.join(LIMITS[:2])} or {LIMITS[2]}, got "
                "none. Say how long to train, such as max_minutes = 60."
            )
            settings = [f"[pretraining] {name}" for name in LIMITS]
            mistakes.add(Mistake(message, ("[pretraining]", *settings)))

    def _check_ranges(self, check: Callable[..., None]) -> None:
        at_least = {"seed": 0, "max_length": 5, "weight_decay": 0, "max_skipped": 0}
        at_least["n_minimal_pairs"] = 0
        counts = "batch_size accumulate_gradient n_eval_instances"
        at_least |= dict.fromkeys(counts.split(), 1)
        at_least |= dict.fromkeys(("eval_every", "log_every", "save_every"), 1)
        for name, least in at_least.items():
            check(name, f"at least {least}", getattr(self, name) >= least)
        check("seed", "below 2 ** 63", self.seed < 1 << 63)
        for name in LIMITS:
            value = getattr(self, name)
            check(name, "a number above 0", value is None or value > 0)
        for name in "short_seq_prob mask_token_prob random_piece_prob".split():
            is_fraction = 0.0 <= getattr(self, name) <= 1.0
            check(name, "a probability from 0 to 1", is_fraction)
        is_fraction = 0.0 < self.mask_prob <= 1.0
        check("mask_prob", "a probability above 0 and at most 1", is_fraction)
        for name in ("learn_rate", "eps", "max_grad_norm"):
            check(name, "a number above 0", getattr(self, name) > 0)
        expected = f"at most {MAX_LEARN_RATE:g}, such as 1e-4"
        check("learn_rate", expected, self.learn_rate <= MAX_LEARN_RATE)
        are_betas = all(0.0 <= beta < 1.0 for beta in self.betas)
        check("betas", "two numbers from 0 up to, not including, 1", are_betas)
        if self.max_predictions_per_seq is not None:
            is_count = self.max_predictions_per_seq >= 1
            check("max_predictions_per_seq", "at least 1", is_count)
        is_fraction = 0.0 < self.final_ratio < 1.0
        check("final_ratio", "a fraction above 0 and below 1", is_fraction)
        have_masks = all(MASK in text for text in self.fill_mask_samples)
        check("fill_mask_samples", f"texts that each have {MASK} in them", have_masks)
        is_fraction = 0.0 <= self.warmup_ratio < 1.0
        check("warmup_ratio", "a fraction from 0 up to, not including, 1", is_fraction)

    def _check_combinations(self, check: Callable[..., None]) -> None:
        expected = f"at most 1 - mask_token_prob = {1 - self.mask_token_prob:g}"
        is_rest = self.random_piece_prob <= 1 - self.mask_token_prob + 1e-9
        check("random_piece_prob", expected, is_rest, "mask_token_prob")
        if self.final_max_length is not None:
            expected = f"more than max_length = {self.max_length}"
            is_longer = self.final_max_length > self.max_length
            check("final_max_length", expected, is_longer, "max_length")
        if self.faithful:
            expected = "'nsp' with faithful = true, as the original has nothing else"
            is_nsp = self.next_sentence == "nsp"
            check("next_sentence", expected, is_nsp, "faithful")
            expected = "'pieces' or 'words' with faithful = true, as in the original"
            check("masking", expected, self.masking != "spans", "faithful")
        expected = "false with a checkpoint, whose embeddings it would overwrite"
        check("warm_start", expected, not (self.warm_start and self.checkpoint))
        expected = f"above 0 and at most 1 - warmup_ratio = {1 - self.warmup_ratio:g}"
        is_fraction = 0.0 < self.decay_ratio <= 1 - self.warmup_ratio + 1e-9
        is_fraction = is_fraction or self.schedule != "wsd"
        check("decay_ratio", expected, is_fraction, "warmup_ratio", "schedule")
