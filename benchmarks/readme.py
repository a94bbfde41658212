"""The committed results -> the two tables of README.md, between their marks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

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


_TASKS, _ENCODER, _PRETRAINING = (
    f"{flow}/results.json" for flow in ("tasks", "encoder", "pretraining")
)
_TRF, _ORT = "spacy-transformers", "ONNX Runtime"
_TRAINER, _RUN_MLM = "transformers, Trainer", "transformers, run_mlm"
_15_MINUTES = "L4 H256, 15 minutes"
_LINES = (
    _Line(
        *("WNUT-17 F, `bert_ner` with a CRF", _TASKS, "WNUT-17", None, "ents_f"),
        *("ours, bert_ner crf", _TRF),
    ),
    _Line(
        *("BANKING77 accuracy", _TASKS, "BANKING77", None, "cats_micro_f"),
        *("ours, [CLS]", _TRF),
    ),
    _Line(
        *("SST-2 accuracy", _TASKS, "SST-2", None, "cats_micro_f"),
        *("ours, [CLS]", _TRF),
    ),
    _Line(
        *("SICK entailment accuracy", _TASKS, "SICK entailment", None, "cats_micro_f"),
        *("ours", _TRAINER),
    ),
    _Line(
        *("SICK relatedness, Pearson", _TASKS, "SICK relatedness", None),
        *("cats_pearson", "ours", _TRAINER),
    ),
    _Line(
        *("words/s, sentences", _ENCODER, "predicting", "sentences", "words/s"),
        *("ours", _TRF),
    ),
    _Line(
        *("words/s, sentences", _ENCODER, "predicting", "sentences", "words/s"),
        *("ours", _ORT),
    ),
    _Line(
        *("words/s, sentences, 8 bits", _ENCODER, "predicting", "sentences"),
        *("words/s", "ours int8", f"{_ORT} int8"),
    ),
    _Line(
        *("Docs/s one at a time, 10 words", _ENCODER, "latency", "10 words"),
        *("Docs/s one at a time", "ours", _ORT),
    ),
    _Line(
        *("training, words/s, paragraphs", _ENCODER, "training"),
        *("ner + textcat, paragraphs", "nlp.update words/s", "ours", _TRF),
    ),
    _Line(
        *("pretraining, pieces/s, L4 H256", _PRETRAINING, "speed"),
        *("L4 H256, dropout 0.1", "pieces/s"),
        *("ours", "transformers, grouped by length"),
    ),
    _Line(
        *("held-out MLM loss after 15 minutes", _PRETRAINING, "losses", _15_MINUTES),
        *("segments", "ours", _RUN_MLM),
        digits=2,
    ),
)
_SCORES = {"textcat macro F": 1, "ner F": 1, "spancat F": 1}


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
    tests, held_out = parts["test Docs"], parts["held-out text"]

    def values(runs: Mapping[str, Mapping[str, float]], key: str) -> list[float]:
        return [runs[seed][key] for seed in sorted(runs)]

    rows = []
    for score, digits in _SCORES.items():
        cells = [
            mean_and_range(values(tests[system], score), digits)
            for system in ("pretrained", "random weights")
        ]
        rows.append([score, *cells])
    guess = mean_and_range(values(held_out["guessing by frequency"], "MLM loss"), 2)
    pretrained = held_out["pretrained"]
    loss = mean_and_range(values(pretrained, "MLM loss"), 2)
    accuracy = mean_and_range(values(pretrained, "NSP accuracy"))
    rows += [
        ["held-out MLM loss", loss, f"{guess}, guessing by frequency"],
        ["held-out NSP accuracy, %", accuracy, ""],
    ]
    return markdown(("", "pretrained", "random weights"), rows)


def _peers(stores: Mapping[str, Parts]) -> str:
    return markdown(("what", "ours", "peer", ""), _peer_rows(stores))


def _peer_rows(stores: Mapping[str, Parts]) -> Iterator[list[str]]:
    for line in _LINES:
        results = stores[line.file][line.part]
        ours, theirs = (
            _value(
                results[system].values()
                if line.row is None
                else [results[line.row][system]],
                line.key,
            )
            for system in (line.ours, line.peer)
        )
        values = [number(value, line.digits) for value in (ours, theirs)]
        yield [line.what, *values, line.peer]


def _value(results: Iterable[Mapping[str, float]], key: str) -> float:
    return mean(result[key] for result in results)
