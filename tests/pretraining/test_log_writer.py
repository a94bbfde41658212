"""What is printed and logged: sums worked by hand, and only what is known."""

import json
from dataclasses import replace
from itertools import count

import pytest
from toy_corpus import read_log

from spacy_bert.pretraining import TrainingState
from spacy_bert.pretraining.evaluation import Evaluation, NextSentences
from spacy_bert.pretraining.instances.batches import DataCursor
from spacy_bert.pretraining.training import log_writer
from spacy_bert.pretraining.training.log_writer import LogWriter
from spacy_bert.pretraining.training.machine import Machine
from spacy_bert.pretraining.training.optimizer import StepResult
from spacy_bert.pretraining.training.step_size import StepSize

MACHINE = Machine(
    name="abacus",
    device="cpu",
    n_threads=1,
    dtype="float32",
    torch="2",
    flops_per_second=1e6,
)
EVALUATION = Evaluation(
    mlm_loss=5.0,
    mlm_accuracy=0.25,
    unigram_loss=6.0,
    nsp=NextSentences(loss=0.7, accuracy=0.5, random_ratio=0.5),
    n_masked=9,
    n_instances=9,
)
RESULT = StepResult(
    mlm_loss=3.0,
    nsp_loss=0.7,
    gradient_norm=1.0,
    is_applied=True,
)
ORIGIN = {
    "date": "2026-01-01T00:00:00+00:00",
    "command": "spacy bert pretrain a.cfg out",
    "versions": {"torch": "2.9.0"},
    "corpus": {"documents": 3},
    "unknown_ratio": 0.0,
}
SIZE = StepSize(n_sequences=4, n_pieces=14, n_masked=2, flops=3e5)


@pytest.fixture
def clock(monkeypatch):
    """Each look at it comes a second after the last one."""
    seconds = count()
    monkeypatch.setattr(log_writer, "perf_counter", lambda: float(next(seconds)))


@pytest.fixture
def make_writer(tmp_path):
    def make(step=0, *, said=None, logger=None):
        return LogWriter(
            tmp_path / "log.jsonl",
            state(step),
            machine=MACHINE,
            origin=ORIGIN,
            write=(said if said is not None else []).append,
            logger=logger,
        )

    return make


def state(step):
    """The state of a run of ten steps."""
    return TrainingState(
        step=step, progress=step / 10, cursor=DataCursor(epoch=step // 4)
    )


def test_a_row_has_the_means_and_sums_of_its_steps(clock, make_writer, tmp_path):
    writer = make_writer()
    writer.add(RESULT, SIZE, 0.1)
    writer.add(replace(RESULT, mlm_loss=4.0, nsp_loss=0.5), SIZE, 0.2)
    writer.report(state(2), None)
    (row,) = read_log(tmp_path)
    assert row["mlm_loss"] == 3.5 and row["nsp_loss"] == pytest.approx(0.6)
    assert row["learn_rate"] == 0.2
    # Two steps of a second each.
    assert row["seconds"] == 2.0 and row["n_pieces"] == 28
    assert row["pieces_per_second"] == 14.0
    assert row["model_flops_per_second"] == 3e5
    assert row["mfu"] == pytest.approx(0.3)


def test_saving_is_not_training(clock, make_writer, tmp_path):
    writer = make_writer()
    for step in (1, 2):
        writer.add(RESULT, SIZE, 0.1)
        writer.report(state(step), EVALUATION)
        for _ in range(5):
            writer._seconds_left(step / 10)  # Time passes
        writer.restart_clock()
    assert [row["seconds"] for row in read_log(tmp_path)] == [1.0, 2.0]


def test_a_resumed_run_counts_on(clock, make_writer, tmp_path):
    writer = make_writer()
    for step in (1, 2, 3):
        writer.add(RESULT, SIZE, 0.1)
        writer.report(state(step), None)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"epoch": 0, "st')
    writer = make_writer(2)
    writer.add(RESULT, SIZE, 0.1)
    writer.report(state(3), None)
    writer.add(RESULT, SIZE, 0.1)
    writer.roll_back(state(3), "taken back from step 5")
    writer.report(state(3), None)
    rows = read_log(tmp_path)
    assert [row["step"] for row in rows] == [1, 2, 3, 3]
    assert [row["n_pieces"] for row in rows] == [14, 28, 42, 42]
    assert [row["seconds"] for row in rows] == [1.0, 2.0, 3.0, 3.0]
    notes = [row.get("notes") for row in rows]
    assert notes == [None, None, [[2, "resumed"]], [[3, "taken back from step 5"]]]
    assert ["machine" in row for row in rows] == [True, False, True, False]
    assert [row.get("origin") for row in rows] == [ORIGIN, None, ORIGIN, None]


def test_rows_are_printed_within_80_columns(clock, make_writer):
    said = []
    writer = make_writer(said=said)
    writer.report(state(0), EVALUATION)
    writer.add(RESULT, SIZE, 1e-4)
    writer.report(state(9), EVALUATION)
    legend, header, rule, first, last = said
    assert header.split()[:4] == ["EPOCH", "STEP", "RATE", "TRAIN"]
    assert {len(line) for line in said[1:]} == {len(rule)} and len(rule) <= 80
    assert all(len(line) <= 80 for line in legend.splitlines())
    # Plain names need no explanation.
    plain = {"EPOCH", "STEP", "RATE", "PIECES/S", "LEFT"}
    assert all(name in legend for name in set(header.split()) - plain)
    # Under each name its value.
    for name, value in (
        ("HELD-OUT", "5.000"),
        ("GUESS", "6.000"),
        ("MLM %", "25.0%"),
        ("NSP %", "50.0%"),
        ("TRAIN", "3.000"),
    ):
        end = header.index(name) + len(name)
        assert last[:end].endswith(value)
    assert first.split()[3:5] == ["5.000", "6.000"]


def test_the_widest_rows_fit_too(make_writer):
    """A month on many GPUs, from a bad start."""
    said = []
    writer = make_writer(said=said)
    widest = replace(EVALUATION, mlm_accuracy=0.999, mlm_loss=99.999)
    size = replace(SIZE, n_pieces=10**9)
    writer._start -= 30 * 86_400
    writer._last_step_end -= 9_999
    writer.add(replace(RESULT, mlm_loss=10.0), size, 1e-4)
    writer.report(replace(state(1), step=999_999), widest)
    assert "d " in said[-1].split("%")[-1] and len(said[-1]) <= 80


def test_a_row_is_due_after_30_seconds(monkeypatch, make_writer):
    now = 0.0
    monkeypatch.setattr(log_writer, "perf_counter", lambda: now)
    made = make_writer()
    now = 29.9
    assert not made.is_due()
    now = 30.0
    assert made.is_due()
    made.report(state(1), None)
    assert not made.is_due()


def test_without_a_next_sentence_task_nothing_is_said_of_it(
    clock, make_writer, tmp_path
):
    said = []
    writer = make_writer(said=said)
    writer.report(state(0), replace(EVALUATION, nsp=None))
    writer.add(replace(RESULT, nsp_loss=None), SIZE, 0.1)
    writer.report(state(1), None)
    assert "NSP" not in said[1] and len(set(map(len, said[1:]))) == 1
    for row in read_log(tmp_path):
        assert not [key for key in row if "nsp" in key or "random" in key]


def test_a_logger_gets_each_step_and_each_row(make_writer, tmp_path):
    got = []
    writer = make_writer(logger=got.append)
    writer.report(state(0), EVALUATION)
    writer.add(RESULT, SIZE, 0.1)
    writer.report(state(1), None)
    first, last = read_log(tmp_path)
    assert json.loads(json.dumps(got)) == [first, None, last]
