"""The committed results -> the two tables of README.md, between their marks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from .default_run import HELD_OUT, SCORES, TEST
from .store import Parts
from .tables import markdown, mean_and_range, number

README = Path(__file__).parents[1] / "README.md"
_END = "<!-- end -->"


@dataclass(frozen=True)
class _Line:
    """A row of the README's table of scores and speed: one number of two systems.

    `row`: None if the part has seeds, whose mean is shown.
    """

    what: str
    file: str
    part: str
    row: str | None
    key: str
    ours: str
    peer: str
    digits: int | None = None


_TRF, _ORT = "spacy-transformers", "ONNX Runtime"
_TRAINER = "transformers, Trainer"


def _task(
    what: str, part: str, score: str, *, ours: str = "ours", peer: str = _TRF
) -> _Line:
    return _Line(what, "tasks/results.json", part, None, score, ours, peer)


def _encoder(
    what: str, part: str, row: str, key: str, *, ours: str = "ours", peer: str = _TRF
) -> _Line:
    return _Line(what, "encoder/results.json", part, row, key, ours, peer)


def _pretraining(
    what: str, part: str, row: str, key: str, *, peer: str, digits: int | None = None
) -> _Line:
    file = "pretraining/results.json"
    return _Line(what, file, part, row, key, "ours", peer, digits)


_SENTENCES = ("predicting", "sentences", "words/s")
_LINES = (
    _task(
        "WNUT-17 F, `bert_ner` with a CRF",
        "WNUT-17",
        "ents_f",
        ours="ours, bert_ner crf",
    ),
    _task("BANKING77 accuracy", "BANKING77", "cats_micro_f", ours="ours, [CLS]"),
    _task("SST-2 accuracy", "SST-2", "cats_micro_f", ours="ours, [CLS]"),
    _task("SICK entailment accuracy", "SICK entailment", "cats_micro_f", peer=_TRAINER),
    _task(
        "SICK relatedness, Pearson", "SICK relatedness", "cats_pearson", peer=_TRAINER
    ),
    _encoder("words/s, sentences", *_SENTENCES),
    _encoder("words/s, sentences", *_SENTENCES, peer=_ORT),
    _encoder(
        "words/s, sentences, 8 bits", *_SENTENCES, ours="ours int8", peer=f"{_ORT} int8"
    ),
    _encoder(
        "Docs/s one at a time, 10 words",
        "latency",
        "10 words",
        "Docs/s one at a time",
        peer=_ORT,
    ),
    _encoder(
        "training, words/s, paragraphs",
        "training",
        "ner + textcat, paragraphs",
        "nlp.update words/s",
    ),
    _pretraining(
        "pretraining, pieces/s, L4 H256",
        "speed",
        "L4 H256, dropout 0.1",
        "pieces/s",
        peer="transformers, grouped by length",
    ),
    _pretraining(
        "held-out MLM loss after 15 minutes",
        "losses",
        "L4 H256, 15 minutes",
        "segments",
        peer="transformers, run_mlm",
        digits=2,
    ),
)


def write_readme(text: str, stores: Mapping[str, Parts]) -> str:
    """The README with both tables as `stores`, file -> its parts, have them."""
    text = _between(text, "<!-- default run -->", _default_run(stores))
    return _between(text, "<!-- peers -->", _peers(stores))


def _between(text: str, mark: str, table: str) -> str:
    before, found, rest = text.partition(mark)
    _, end, after = rest.partition(_END)
    if not (found and end):
        raise ValueError(f"README.md: expected {mark} and {_END} below it, found none.")
    return f"{before}{mark}\n\n{table}\n\n{end}{after}"


def _default_run(stores: Mapping[str, Parts]) -> str:
    parts = stores["default_run.json"]

    def cell(part: str, system: str, score: str, digits: int = 1) -> str:
        return mean_and_range(
            [run[score] for run in parts[part][system].values()], digits
        )

    rows = [
        [s, *(cell(TEST, system, s) for system in ("pretrained", "random weights"))]
        for s in SCORES
    ]
    guess = cell(HELD_OUT, "guessing by frequency", "MLM loss", 2)
    rows += [
        [
            "held-out MLM loss",
            cell(HELD_OUT, "pretrained", "MLM loss", 2),
            f"{guess}, guessing by frequency",
        ],
        ["held-out NSP accuracy, %", cell(HELD_OUT, "pretrained", "NSP accuracy"), ""],
    ]
    return markdown(("", "pretrained", "random weights"), rows)


def _peers(stores: Mapping[str, Parts]) -> str:
    return markdown(("what", "ours", "peer", ""), _peer_rows(stores))


def _peer_rows(stores: Mapping[str, Parts]) -> Iterator[list[str]]:
    for line in _LINES:
        part = stores[line.file][line.part]
        # system -> its results
        runs = (
            {system: [*seeds.values()] for system, seeds in part.items()}
            if line.row is None
            else {system: [one] for system, one in part[line.row].items()}
        )
        ours, theirs = (
            mean(run[line.key] for run in runs[system])
            for system in (line.ours, line.peer)
        )
        values = [number(value, line.digits) for value in (ours, theirs)]
        yield [line.what, *values, line.peer]
