"""A run that is broken off, in any way, and continued is the run without a break."""

import json
import os
import shutil
import signal
import subprocess
import sys
from errno import ENOSPC
from random import Random
from time import perf_counter, sleep

import pytest
from same_run import assert_same_run, fills, log_rows

import spacy_bert.checkpoint.saving
from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.folders import recover
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.training.state import read_state

# Kills itself on the n-th call of a function, as `kill -9` would.
KILLED_RUN = """
import json, os, signal, sys
from functools import reduce
from importlib import import_module
from pathlib import Path
from spacy_bert.pretraining import PretrainingConfig, pretrain

settings, output, target, n_calls = json.loads(sys.argv[1])
module, names = target.split(":")
*owners, name = names.split(".")
owner = reduce(getattr, owners, import_module(module))
function = getattr(owner, name)

def killed(*args, **kwargs):
    global n_calls
    n_calls -= 1
    if n_calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*args, **kwargs)

setattr(owner, name, killed)
pretrain(PretrainingConfig.from_dict(settings), Path(output))
"""

# Says when a step begins.
RUN_AND_TELL = """
import json, sys
from pathlib import Path
from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.training import loop

settings, output = json.loads(sys.argv[1])
config = PretrainingConfig.from_dict(settings)
train_step = loop.train_step

def tell(*args, **kwargs):
    print("step", flush=True)
    return train_step(*args, **kwargs)

loop.train_step = tell
pretrain(config, Path(output), resume=True, write=str)
"""


def quiet(text: str) -> None:
    pass


@pytest.fixture
def whole(tmp_path, make_config):
    """The run without a break."""
    pretrain(make_config(), tmp_path / "whole", write=quiet)
    return tmp_path / "whole"


@pytest.mark.parametrize(
    "target, n_calls",
    [
        ("spacy_bert.pretraining.training.loop:train_step", 4),
        # Step 4 is the third to be saved: killed when the folder is half written.
        ("spacy_bert.pretraining.training.state:_save_state", 3),
    ],
)
def test_killed_and_resumed_is_the_same_run(
    tmp_path, make_config, settings, whole, target, n_calls
):
    killed = tmp_path / "killed"
    arguments = json.dumps([settings, str(killed), target, n_calls])
    process = subprocess.run([sys.executable, "-c", KILLED_RUN, arguments])
    assert process.returncode == -signal.SIGKILL
    pretrain(make_config(), killed, resume=True, write=quiet)
    assert_same_run(killed, whole)
    assert log_rows(killed) == log_rows(whole)
    assert fills(killed) == fills(whole)


@pytest.mark.slow
def test_killed_at_twenty_moments_is_the_same_run(tmp_path, make_config, settings):
    """In steps and in saves alike, as both take equally long. Steps are counted,
    because the speed of a busy machine changes."""
    settings["pretraining"].update(max_steps=200, save_every=2, eval_every=20)
    config = make_config()
    start = perf_counter()
    pretrain(config, tmp_path / "whole", write=quiet)
    duration = perf_counter() - start
    killed, random = tmp_path / "killed", Random(0)
    arguments = json.dumps([settings, str(killed)])
    command = [sys.executable, "-c", RUN_AND_TELL, arguments]
    steps = [0]
    for _ in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(random.randint(1, 7)):
                assert process.stdout.readline() == "step\n"
            sleep(random.uniform(0.0, duration / 200))
            process.kill()
        # Between the two renames it has another name.
        recover(killed / "model-last")
        steps.append(read_state(killed / "model-last")[0].step)
    assert steps == sorted(steps) and 0 < steps[-1] < 200
    pretrain(config, killed, resume=True, write=quiet)
    assert_same_run(killed, tmp_path / "whole")
    assert log_rows(killed) == log_rows(tmp_path / "whole")


@pytest.mark.parametrize(
    "number, name", [(signal.SIGINT, "adamw"), (signal.SIGTERM, "muon")]
)
def test_a_signal_saves_and_stops(tmp_path, make_config, signal_in_step, number, name):
    config = make_config(pretraining={"optimizer": name})
    pretrain(config, tmp_path / "whole", write=quiet)
    handlers = signal.getsignal(number)
    signal_in_step(3, number)
    state = pretrain(config, tmp_path / "stopped", write=quiet)
    assert state.step == 3
    assert signal.getsignal(number) == handlers
    pretrain(config, tmp_path / "stopped", resume=True, write=quiet)
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")


FORMS = {
    "sop": {"next_sentence": "sop"},
    "none": {"next_sentence": "none"},
    "faithful": {"faithful": True, "masking": "words"},
}


@pytest.mark.parametrize("form, stop", [("sop", 2), ("none", 3), ("faithful", 4)])
def test_a_run_of_two_phases_is_resumed(
    tmp_path, make_config, signal_in_step, form, stop
):
    """Before, at and after their border: steps 4 to 6 are the final ones."""
    phases = {"max_length": 16, "final_max_length": 32, "final_ratio": 0.5}
    config = make_config(pretraining={**phases, **FORMS[form]})
    pretrain(config, tmp_path / "whole", write=quiet)
    signal_in_step(stop)
    state = pretrain(config, tmp_path / "stopped", write=quiet)
    assert (state.step, state.cursor.phase) == (stop, int(stop > 3))
    pretrain(config, tmp_path / "stopped", resume=True, write=quiet)
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")
    assert log_rows(tmp_path / "stopped") == log_rows(tmp_path / "whole")


def test_a_full_disk_leaves_the_previous_checkpoint(
    tmp_path, make_config, whole, monkeypatch
):
    real, n_calls = spacy_bert.checkpoint.saving.save_file, 0

    def full_disk(tensors, path, **kwargs):
        nonlocal n_calls
        n_calls += 1
        real(tensors, path, **kwargs)
        # After steps 0, 2 and 3, which is the best so far, and 4.
        if n_calls == 4:
            os.truncate(path, 100)
            raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(spacy_bert.checkpoint.saving, "save_file", full_disk)
    output = tmp_path / "full"
    with pytest.raises(OSError, match="No space left.*previous one is whole.*--resume"):
        pretrain(make_config(), output, write=quiet)
    monkeypatch.undo()
    state, _ = read_state(output / "model-last")
    assert state.step == 2
    load_pretraining_model(output / "model-last")
    assert not list(output.glob("*.new"))
    pretrain(make_config(), output, resume=True, write=quiet)
    assert_same_run(output, whole)


def test_a_run_can_be_made_longer(tmp_path, make_config, whole):
    state = pretrain(
        make_config(pretraining={"max_steps": 8}), whole, resume=True, write=quiet
    )
    assert state.step == 8
    with pytest.raises(ValueError, match="max_steps: expected at least 8, which"):
        pretrain(make_config(), whole, resume=True, write=quiet)


@pytest.mark.parametrize("limit", ["max_minutes", "max_epochs"])
def test_a_run_cannot_be_made_shorter(make_config, whole, limit):
    shorter = make_config(pretraining={limit: 1e-6})
    with pytest.raises(ValueError, match=f"{limit}: expected at least .*got 1e-06"):
        pretrain(shorter, whole, resume=True, write=quiet)


def test_a_finished_run_is_left_alone(make_config, whole):
    before = (whole / "model-last" / "model.safetensors").stat().st_ino
    said = []
    state = pretrain(make_config(), whole, resume=True, write=said.append)
    assert state.step == 6
    assert f"Continuing {whole / 'model-last'}, after step 6" in said
    assert (whole / "model-last" / "model.safetensors").stat().st_ino == before


@pytest.mark.parametrize(
    "section, key, value",
    [
        ("pretraining", "learn_rate", 1e-3),
        ("pretraining", "mask_prob", 0.2),
        ("pretraining", "batch_size", 4),
        ("model", "hidden_dropout_prob", 0.0),
        ("corpus", "held_out_ratio", 0.2),
    ],
)
def test_a_changed_config_is_not_resumed(make_config, whole, section, key, value):
    config = make_config(**{section: {key: value}})
    with pytest.raises(ValueError, match=f"{section}. {key}.*--overwrite"):
        pretrain(config, whole, resume=True, write=quiet)
    said = []
    state = pretrain(config, whole, resume=True, overwrite=True, write=said.append)
    assert state.step == 6
    assert said[0].startswith("Starting over: ") and key in said[0]


def test_a_changed_corpus_is_not_resumed(make_config, whole, corpus_path):
    corpus_path.write_text(corpus_path.read_text() + "\nthe cat .\n")
    with pytest.raises(ValueError, match="the corpus file corpus.txt changed"):
        pretrain(make_config(), whole, resume=True, write=quiet)


def test_an_earlier_run_is_not_overwritten_by_accident(make_config, whole, tmp_path):
    with pytest.raises(FileExistsError, match="--resume, start over with --overwrite"):
        pretrain(make_config(), whole, write=quiet)
    pretrain(make_config(pretraining={"seed": 1}), whole, overwrite=True, write=quiet)
    steps = [row["step"] for row in log_rows(whole)]
    assert steps == [0, 2, 3, 4, 6]


def test_resuming_what_is_not_there_begins_a_run(make_config, whole, tmp_path):
    """One command for a scheduler that starts it again and again."""
    said = []
    pretrain(make_config(), tmp_path / "new", resume=True, write=said.append)
    assert "no " in said[0] and "model-last to resume" in said[0]
    assert_same_run(tmp_path / "new", whole)
    shutil.rmtree(whole / "model-last")
    with pytest.raises(FileExistsError, match="model-best is .* no model-last"):
        pretrain(make_config(), whole, resume=True, write=quiet)
    (tmp_path / "new" / "model-last" / "training_state.json").unlink()
    with pytest.raises(FileNotFoundError, match="found no training_state.json"):
        pretrain(make_config(), tmp_path / "new", resume=True, write=quiet)


def test_a_damaged_state_is_named(make_config, whole):
    (file,) = (whole / "model-last" / "training_state").iterdir()
    for n_bytes in (file.stat().st_size - 1, 100, 0):
        os.truncate(file, n_bytes)
        with pytest.raises(ValueError, match="training_state is damaged .*--overwrite"):
            pretrain(make_config(), whole, resume=True, write=quiet)
    file.unlink()
    with pytest.raises(ValueError, match="is damaged .shard-00001.* is missing"):
        pretrain(make_config(), whole, resume=True, write=quiet)
    (whole / "model-last" / "training_state.json").write_text("{")
    with pytest.raises(ValueError, match="training_state.json is damaged"):
        pretrain(make_config(), whole, resume=True, write=quiet)
