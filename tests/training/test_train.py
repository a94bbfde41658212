"""`spacy bert train`: the steps of `spacy train`, which any end may interrupt."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin
from train_toys import files_of, run_ours, run_spacys, same_pipelines, trouble

from spacy_bert.tasks.starter_config import TASKS
from spacy_bert.training import loop, state
from spacy_bert.training.errors import TrainingError

SLOW, LONG = pytest.mark.slow, pytest.mark.long


def marked(names, *, fast, slow):
    """All others are long."""
    marks = {fast: [], slow: [SLOW]}
    return [pytest.param(name, marks=marks.get(name, [LONG])) for name in names]


# Kills itself when a function is called the n-th time, as `kill -9` would.
RUN = """
import json, os, signal, sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
from train_toys import run_ours

config, output, targets = json.loads(sys.argv[2])
for target, n in targets.items():
    module, name = target.split(":")
    module = import_module(module)

    def killed(*args, real=getattr(module, name), left=[n], **kwargs):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(module, name, killed)
run_ours(config, output, resume=True)
"""


def start(config, output, targets):
    """A process that runs or goes on, and kills itself in these functions."""
    arguments = json.dumps([str(config), str(output), targets])
    command = [sys.executable, "-W", "ignore", "-c", RUN]
    command += [str(Path(__file__).parent), arguments]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("task", marked(TASKS, fast="entities", slow="tagging"))
def test_the_same_bits_as_spacy_train(tmp_path, make_config, task):
    config = make_config(task)
    theirs = run_spacys(config, tmp_path / "theirs")
    outcome, said = run_ours(config, tmp_path / "ours")
    assert outcome == loop.Outcome(n_steps=41, is_stopped=False)
    same_pipelines(tmp_path / "ours", tmp_path / "theirs")
    # The log but for seconds and paths.
    rows = [line for line in theirs.splitlines() if line[:3].strip().isdigit()]
    assert len(rows) == 5 and all(row in said for row in rows)


LOSSY = {
    "corpora.train.augmenter": {"@augmenters": "spacy.lower_case.v1", "level": 0.5}
}

# What a state must hold, each alone.
SETTINGS = {
    "averages": {"training.optimizer.use_averages": True},
    "several batches a step": {"training.accumulate_gradient": 3},
    "patience": {"training.patience": 15},
    "epochs": {
        "training.max_epochs": 2,
        "training.max_steps": 0,
        "training.optimizer.learn_rate": 0.001,
    },
    "a stream": {"training.max_epochs": -1},
    "a stream that draws": {"training.max_epochs": -1, **LOSSY},
    "batches that grow": {
        "training.batcher.size": {
            "@schedules": "compounding.v1",
            "start": 2,
            "stop": 8,
            "compound": 1.1,
        }
    },
}


@pytest.mark.parametrize(
    "name", marked(SETTINGS, fast="averages", slow="a stream that draws")
)
def test_stopped_and_resumed_is_the_same_run(tmp_path, make_config, name):
    config = make_config(settings=SETTINGS[name])
    run_spacys(config, tmp_path / "whole")
    with trouble(signal.SIGTERM, 8):
        outcome, _ = run_ours(config, tmp_path / "ours")
    assert outcome == loop.Outcome(n_steps=8, is_stopped=True)
    with trouble(signal.SIGTERM, 3):
        outcome, said = run_ours(config, tmp_path / "ours", resume=True)
    assert outcome == loop.Outcome(n_steps=11, is_stopped=True)
    assert "Continuing after step 7" in said
    outcome, _ = run_ours(config, tmp_path / "ours", resume=True)
    assert not outcome.is_stopped
    same_pipelines(tmp_path / "ours", tmp_path / "whole")


def test_a_head_that_a_step_leaves_out_is_resumed_too(tmp_path, make_config):
    """Adam moves it nevertheless, as Thinc leaves zeros where a gradient was."""
    config = make_config("ner", settings={"training.max_steps": 12})
    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(tmp_path / "ner.spacy").get_docs(vocab))
    # spaCy's ner passes these over, and its model is not called.
    docs[6:] = [Doc(vocab, words=[t.text for t in doc]) for doc in docs[6:]]
    ordered = {"training.max_epochs": -1}
    DocBin(docs=docs).to_disk(tmp_path / "ner.spacy")
    run_spacys(config, tmp_path / "whole", ordered)
    with trouble(signal.SIGTERM, 3):
        run_ours(config, tmp_path / "ours", ordered)
    run_ours(config, tmp_path / "ours", ordered, resume=True)
    same_pipelines(tmp_path / "ours", tmp_path / "whole")


@pytest.mark.parametrize(
    "targets",
    [
        # The third state is half written.
        {"spacy_bert.training.state:read_optimizer": 3},
        pytest.param({"spacy_bert.training.loop:subdivide_batch": 15}, marks=SLOW),
        # model-last is there, model-best is not.
        pytest.param({"spacy_bert.training.loop:copytree": 2}, marks=SLOW),
    ],
    ids=str,
)
def test_killed_and_resumed_is_the_same_run(tmp_path, make_config, targets):
    config = make_config(settings={"training.max_steps": 24})
    run_spacys(config, tmp_path / "whole")
    process = start(config, tmp_path / "ours", targets)
    assert process.wait() == -signal.SIGKILL
    run_ours(config, tmp_path / "ours", resume=True)
    same_pipelines(tmp_path / "ours", tmp_path / "whole")


@pytest.mark.long
def test_killed_at_twenty_moments_is_the_same_run(tmp_path, make_config):
    """By the clock, from 0 to 4 seconds after the first state."""
    config = make_config(settings={"training.max_steps": 400})
    run_spacys(config, tmp_path / "whole")
    random, n_kills = Random(0), 0
    for _ in range(20):
        process = start(config, tmp_path / "ours", {})
        try:
            process.wait(6 + random.uniform(0, 4))
        except subprocess.TimeoutExpired:
            process.kill()
            n_kills += process.wait() == -signal.SIGKILL
    assert n_kills >= 5
    run_ours(config, tmp_path / "ours", resume=True)
    same_pipelines(tmp_path / "ours", tmp_path / "whole")


@pytest.fixture
def stopped(tmp_path, make_config):
    """The config of a run that was stopped after 12 steps, and its folder."""
    config = make_config(settings={"training.max_steps": 20})
    with trouble(signal.SIGTERM, 12):
        run_ours(config, tmp_path / "ours")
    return config, tmp_path / "ours"


def test_a_run_that_has_ended_is_left_as_it_is(stopped):
    config, output = stopped
    run_ours(config, output, resume=True)
    before = files_of(output)
    outcome, _ = run_ours(config, output, resume=True)
    assert outcome == loop.Outcome(n_steps=21, is_stopped=False)
    assert files_of(output) == before


def test_a_run_that_has_ended_goes_on_with_more_steps(tmp_path, make_config):
    config, output = make_config(settings={"training.max_steps": 20}), tmp_path / "ours"
    constant = {"training.optimizer.learn_rate": 0.001}
    more = {"training.max_steps": 30, **constant}
    run_ours(config, output, constant)
    run_ours(config, output, more, resume=True)
    run_spacys(config, tmp_path / "whole", more)
    ours, theirs = (
        files_of(path / "model-last") for path in (output, tmp_path / "whole")
    )
    assert ours == theirs


def test_an_earlier_run_is_lost_only_if_that_is_said(tmp_path, stopped):
    config, output = stopped
    before = files_of(output)
    with pytest.raises(TrainingError, match="--resume.*--overwrite"):
        run_ours(config, output)
    with pytest.raises(TrainingError, match="got both"):
        run_ours(config, output, resume=True, overwrite=True)
    assert files_of(output) == before
    outcome, _ = run_ours(config, output, overwrite=True)
    run_spacys(config, tmp_path / "whole")
    assert outcome.n_steps == 21
    same_pipelines(output, tmp_path / "whole")


def test_what_spacy_train_left_has_no_state(tmp_path, make_config):
    config = make_config(settings={"training.max_steps": 2})
    run_spacys(config, tmp_path / "out")
    with pytest.raises(TrainingError, match="state to continue from, found model-best"):
        run_ours(config, tmp_path / "out", resume=True)


def test_with_nothing_to_resume_a_run_starts(tmp_path, make_config):
    config = make_config(settings={"training.max_steps": 2})
    outcome, _ = run_ours(config, tmp_path / "ours", resume=True)
    assert outcome.n_steps == 3


def test_another_config_is_named(stopped):
    config, output = stopped
    before = files_of(output)
    changes = {"training.dropout": 0.3, "components.bert_ner.threshold": 0.5}
    with pytest.raises(TrainingError) as error:
        run_ours(config, output, changes, resume=True)
    for said in (
        "training.dropout: expected 0.1, got 0.3",
        "components.bert_ner.threshold: expected",
        "with --overwrite",
    ):
        assert said in str(error.value)
    assert files_of(output) == before


@pytest.mark.parametrize("corpus", ["train", "dev"])
@pytest.mark.parametrize(
    "change",
    ["ents", pytest.param("words", marks=SLOW), pytest.param("fewer", marks=SLOW)],
)
def test_other_data_are_named(tmp_path, stopped, corpus, change):
    config, output = stopped
    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(tmp_path / "entities.spacy").get_docs(vocab))
    if change == "ents":
        docs[3].ents = docs[3].ents[:1]
    elif change == "words":
        docs[3] = spacy.blank("en")("a cat sat")
    else:
        docs = docs[:-3]
    DocBin(docs=docs).to_disk(tmp_path / "other.spacy")
    changes = {f"paths.{corpus}": str(tmp_path / "other.spacy")}
    before = files_of(output)
    with pytest.raises(TrainingError, match="data have changed.*with --overwrite"):
        run_ours(config, output, changes, resume=True)
    assert files_of(output) == before


def test_the_same_data_may_lie_elsewhere(tmp_path, stopped):
    config, output = stopped
    (tmp_path / "entities.spacy").rename(tmp_path / "moved.spacy")
    moved = str(tmp_path / "moved.spacy")
    changes = {"paths.train": moved, "paths.dev": moved}
    outcome, _ = run_ours(config, output, changes, resume=True)
    assert outcome.n_steps == 21


def test_the_state_of_another_pipeline_is_named(tmp_path, stopped, make_config):
    config, output = stopped
    other = make_config("classification", settings={"training.max_steps": 3})
    run_ours(other, tmp_path / "other")
    weights = "training-state/weights/1"
    (output / weights).write_bytes((tmp_path / "other" / weights).read_bytes())
    with pytest.raises(TrainingError, match="another pipeline"):
        run_ours(config, output, resume=True)


@pytest.mark.parametrize(
    "file",
    [
        "arrays.msgpack",
        pytest.param("progress.json", marks=SLOW),
        pytest.param("weights/0", marks=SLOW),
    ],
)
@pytest.mark.parametrize(
    "damage",
    ["cut", pytest.param("gone", marks=LONG), pytest.param("zeros", marks=LONG)],
)
def test_a_damaged_state_is_named(stopped, file, damage):
    config, output = stopped
    path = output / "training-state" / file
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            data[: len(data) // 2] if damage == "cut" else bytes(len(data))
        )
    with pytest.raises(TrainingError, match="with --overwrite"):
        run_ours(config, output, resume=True)


@pytest.mark.parametrize("n", [pytest.param(1, marks=SLOW), 3])
def test_a_full_disk_leaves_what_was_saved(tmp_path, make_config, monkeypatch, n):
    config = make_config(settings={"training.max_steps": 24})
    run_spacys(config, tmp_path / "whole")
    real, left = srsly.write_msgpack, [n]

    def full(path, *args):
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")
        real(path, *args)

    monkeypatch.setattr(state.srsly, "write_msgpack", full)
    with pytest.raises(OSError, match="could not be written"):
        run_ours(config, tmp_path / "ours")
    monkeypatch.undo()
    run_ours(config, tmp_path / "ours", resume=True)
    same_pipelines(tmp_path / "ours", tmp_path / "whole")


def test_a_loss_that_is_not_finite_is_named(tmp_path, make_config, monkeypatch):
    config = make_config(settings={"training.max_steps": 24})
    real, steps = spacy.Language.update, [0]

    def update(self, examples, *, losses, **options):
        real(self, examples, losses=losses, **options)
        steps[0] += 1
        if steps[0] == 14:
            losses["bert_ner"] *= math.nan

    monkeypatch.setattr(spacy.Language, "update", update)
    with pytest.raises(TrainingError) as error:
        run_ours(config, tmp_path / "ours")
    assert "bert_ner: expected a finite loss in step 13, got nan" in str(error.value)
    assert "- the cat ran" in str(error.value) or "- the dog ran" in str(error.value)
    monkeypatch.undo()
    # What was saved before is whole.
    outcome, said = run_ours(config, tmp_path / "ours", resume=True)
    assert "Continuing after step 10" in said and outcome.n_steps == 25
