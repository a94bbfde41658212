"""Which of two sentences a model finds likelier, the good or the bad one.

A sentence's score is its pseudo-log-likelihood: each piece is masked alone, and the log
probabilities of what was there are added up (Salazar et al. 2020, section 2). Pairs are
those of BLiMP (Warstadt et al. 2020) or of any file like it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import mean

import torch

from ..corpus.progress_bar import Bar, Write
from ..model import BertForPretraining, pack
from ..tokenization import PieceTokenizer

# Logits of its masked pieces take some 100 MB with the largest vocabularies.
_BATCH_PIECES = 4096
# Its pieces, without [CLS] and [SEP].
Sentence = tuple[int, ...]
# As in BLiMP's files.
_GOOD, _BAD, _PARADIGM, _PHENOMENON = (
    *("sentence_good", "sentence_bad"),
    *("UID", "linguistics_term"),
)


@dataclass(frozen=True, kw_only=True)
class MinimalPair:
    """paradigm: what the two differ in; phenomenon: what that belongs to."""

    good: str
    bad: str
    paradigm: str
    phenomenon: str


@dataclass(frozen=True, kw_only=True)
class PairScore:
    """How the pairs of a paradigm or of a phenomenon were judged.

    accuracy: the share in which the good sentence is likelier, ties counting half.
    same_ratio: the share whose sentences have the same pieces, which is a tie.
    """

    name: str
    accuracy: float
    same_ratio: float
    n_pairs: int


@dataclass(frozen=True, kw_only=True)
class MinimalPairScores:
    """phenomena, whole: means over the paradigms."""

    paradigms: list[PairScore]
    phenomena: list[PairScore]
    whole: PairScore


def read_minimal_pairs(path: Path, *, n: int = 0) -> list[MinimalPair]:
    """From a JSONL file or all in a folder; of each paradigm the first `n`, or all.

    A line has "sentence_good" and "sentence_bad", and perhaps "UID" (the file's name by
    default) and "linguistics_term" (the UID by default). Raises ValueError.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise ValueError(
            f"Expected a JSONL file of minimal pairs, or a folder of them, got {path}."
        )
    pairs = [pair for file in files for pair in _read_file(file)]
    if not pairs:
        raise ValueError(f"Expected minimal pairs in {path}, which has no lines.")
    kept: dict[str, list[MinimalPair]] = {}
    for pair in pairs:
        of_paradigm = kept.setdefault(pair.paradigm, [])
        if not n or len(of_paradigm) < n:
            of_paradigm.append(pair)
    return [pair for of_paradigm in kept.values() for pair in of_paradigm]


def _read_file(path: Path) -> Iterator[MinimalPair]:
    with path.open(encoding="utf8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _read_line(line, path, number)


def _read_line(line: str, path: Path, number: int) -> MinimalPair:
    try:
        fields = json.loads(line)
        good, bad = fields[_GOOD], fields[_BAD]
        paradigm = fields.get(_PARADIGM, path.stem)
        names = paradigm, fields.get(_PHENOMENON, paradigm)
        if not all(isinstance(x, str) for x in (good, bad, *names)):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f'Expected {{"{_GOOD}": "...", "{_BAD}": "..."}} in line {number} of '
            f"{path}, got {line[:200]!r}."
        ) from None
    return MinimalPair(good=good, bad=bad, paradigm=names[0], phenomenon=names[1])


def score_minimal_pairs(
    model: BertForPretraining,
    tokenizer: PieceTokenizer,
    pairs: Sequence[MinimalPair],
    *,
    write: Write | None = None,
) -> MinimalPairScores:
    """Raises ValueError for a sentence that is longer than the model can read.

    write: takes lines on how far it is.
    """
    encoded = encode_pairs(pairs, tokenizer, max_pieces=model.config.max_positions)
    # Each sentence once: the same pieces have the same score.
    sentences = list(dict.fromkeys(chain.from_iterable(encoded)))
    scores = pseudo_log_likelihoods(model, tokenizer, sentences, write=write)
    paradigms: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for pair, (good, bad) in zip(pairs, encoded, strict=True):
        is_right = (scores[good] > scores[bad]) + (scores[good] == scores[bad]) / 2
        key = pair.phenomenon, pair.paradigm
        paradigms.setdefault(key, []).append((is_right, good == bad))
    found = [
        (
            phenomenon,
            PairScore(
                name=paradigm,
                accuracy=mean(is_right for is_right, _ in verdicts),
                same_ratio=mean(is_same for _, is_same in verdicts),
                n_pairs=len(verdicts),
            ),
        )
        for (phenomenon, paradigm), verdicts in paradigms.items()
    ]
    phenomena = dict.fromkeys(phenomenon for phenomenon, _ in found)
    return MinimalPairScores(
        paradigms=[score for _, score in found],
        phenomena=[
            _mean(name, [score for of, score in found if of == name])
            for name in sorted(phenomena)
        ],
        whole=_mean("all", [score for _, score in found]),
    )


def encode_pairs(
    pairs: Sequence[MinimalPair], tokenizer: PieceTokenizer, *, max_pieces: int
) -> list[tuple[Sentence, Sentence]]:
    """Raises ValueError for a sentence that has no pieces, or more than `max_pieces`
    with [CLS] and [SEP]."""
    texts = [text for pair in pairs for text in (pair.good, pair.bad)]
    encoded = [tuple(ids) for ids in tokenizer.encode_ids(texts)]
    for text, ids in zip(texts, encoded, strict=True):
        if not 0 < len(ids) <= max_pieces - 2:
            raise ValueError(
                f"Expected sentences of 1 to {max_pieces - 2} pieces, as the model has "
                f"positions for, got {len(ids)} in {text[:100]!r}."
            )
    return list(zip(encoded[::2], encoded[1::2], strict=True))


def pseudo_log_likelihoods(
    model: BertForPretraining,
    tokenizer: PieceTokenizer,
    sentences: Sequence[Sentence],
    *,
    write: Write | None = None,
) -> dict[Sentence, float]:
    """Each sentence -> its score in nats. One of n pieces is n sequences, of which each
    has another piece masked."""
    # The longest first, whose number of pieces bounds the batch.
    scores = dict.fromkeys(sorted(sentences, key=len, reverse=True), 0.0)
    masked = [(sentence, i) for sentence in scores for i in range(len(sentence))]
    with Bar("Scoring", len(masked), unit=" pieces", write=write) as bar:
        start = 0
        while start < len(masked):
            longest = len(masked[start][0]) + 2
            batch = masked[start : start + max(_BATCH_PIECES // longest, 1)]
            for (sentence, _), score in zip(
                batch, _score(model, tokenizer, batch), strict=True
            ):
                scores[sentence] += score
            start += len(batch)
            bar.update(len(batch))
    return scores


@torch.inference_mode()
def _score(
    model: BertForPretraining,
    tokenizer: PieceTokenizer,
    masked: Sequence[tuple[Sentence, int]],
) -> list[float]:
    """Log probabilities of the piece that is masked in each sequence."""
    cls, mask, sep = tokenizer.cls_id, tokenizer.mask_id, tokenizer.sep_id
    sequences = [(cls, *s[:i], mask, *s[i + 1 :], sep) for s, i in masked]
    pieces = torch.tensor([i for s in sequences for i in s], device="cpu")
    targets = torch.tensor([sentence[i] for sentence, i in masked], device="cpu")
    batch = pack(pieces, [len(sequence) for sequence in sequences])
    places = torch.tensor([1 + i for _, i in masked], device="cpu")
    positions = batch.cls_positions + places
    device = next(model.parameters()).device
    logits = model(batch.to(device), positions.to(device)).mlm_logits.float()
    # Some models have more logits than pieces.
    log_probs = logits[:, : tokenizer.n_pieces].log_softmax(1)
    found = log_probs.gather(1, targets.to(device)[:, None])
    scores: list[float] = found[:, 0].double().tolist()
    return scores


def _mean(name: str, scores: Sequence[PairScore]) -> PairScore:
    return PairScore(
        name=name,
        accuracy=mean(score.accuracy for score in scores),
        same_ratio=mean(score.same_ratio for score in scores),
        n_pairs=sum(score.n_pairs for score in scores),
    )
