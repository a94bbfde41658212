"""Folders of runs with changed state, optimizer state, index and log: what
`--resume` reads."""

import json
import shutil
from random import Random

import pytest
import torch
from fuzzing import AMOUNTS, changed_bytes, changed_trees, expect_both, fuzz
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.report import write_report
from spacy_bert.pretraining.training import state
from spacy_bert.pretraining.training.options import RunOptions
from spacy_bert.pretraining.training.prepare import prepare_run
from spacy_bert.processes.ranks import SINGLE_PROCESS

PIECES = "[PAD] [UNK] [CLS] [SEP] [MASK] the a cat dog sat ran on by . !".split()

STATE, INDEX = "model-last/training_state.json", "index/meta.json"
ROWS = ("log.jsonl", "fills.jsonl")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("run"), Random(0)
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    sentences = [" ".join(random.choices(PIECES[5:], k=6)) for _ in range(80)]
    text = "\n\n".join("\n".join(sentences[i : i + 4]) for i in range(0, 80, 4))
    (folder / "corpus.txt").write_text(text + "\n")
    values = {
        "corpus": {"path": str(folder / "corpus.txt"), "sentences": "lines"},
        "vocabulary": {"path": str(folder / "vocab.txt")},
        "model": {"hidden_width": 8, "n_layers": 1, "n_heads": 2, "max_positions": 32},
        "pretraining": {
            "max_steps": 3,
            "batch_size": 4,
            "max_length": 32,
            "n_eval_instances": 8,
            "log_every": 1,
            "save_every": 2,
        },
    }
    values["model"]["intermediate_width"] = 16
    values["corpus"]["held_out_ratio"] = 0.2
    return PretrainingConfig.from_dict(values)


@pytest.fixture(scope="module")
def folder(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("valid") / "run"
    pretrain(config, folder, write=lambda text: None)
    return folder


def changed_runs(folder):
    """-> the name of a file and its new content."""
    trees = [STATE, STATE, STATE, INDEX]
    jsons = [
        changed_trees(json.loads((folder / name).read_text())).map(
            lambda tree, name=name: (name, json.dumps(tree).encode())
        )
        for name in trees
    ]
    rows = [
        changed_trees(
            list(map(json.loads, (folder / name).read_text().splitlines()))
        ).map(lambda rows, name=name: (name, "\n".join(map(json.dumps, rows)).encode()))
        for name in ROWS
    ]
    (optimizer,) = (folder / "model-last/training_state").glob("*.safetensors")
    name = str(optimizer.relative_to(folder))
    changed = changed_optimizer(load_file(optimizer)).map(lambda t: (name, t))
    return st.one_of(
        *jsons,
        *rows,
        changed,
        changed_bytes(folder, [STATE, INDEX, *ROWS, name, "index/train/pieces.bin"]),
    )


@st.composite
def changed_optimizer(draw, tensors):
    changed = dict(tensors)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(changed)))
        change = draw(st.sampled_from(["fill", "fill", "fill", "shape", "remove"]))
        if change == "fill":
            number = draw(st.sampled_from([0.0, 1.0, 1e30, -1.0, float("nan")]))
            changed[name] = torch.full_like(changed[name], number)
        elif change == "shape":
            changed[name] = torch.cat([changed[name].reshape(-1)] * 2)
        else:
            del changed[name]
    return changed


@pytest.fixture
def read(config, folder):
    """Write the change, go on with the run by a batch, and draw its report."""

    def read(change):
        name, content = change
        changed = folder.with_name("changed")
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(folder, changed)
        if isinstance(content, dict):
            save_file(content, changed / name)
        else:
            (changed / name).write_bytes(content)
        run = prepare_run(
            config,
            changed,
            RunOptions(resume=True, write=lambda text: None),
            device=torch.device("cpu"),
            ranks=SINGLE_PROCESS,
        )
        run.reader.read_step(run.start.cursor, run.start.progress)
        write_report(changed)

    return read


@pytest.mark.parametrize("n_inputs", AMOUNTS)
def test_changed_runs(folder, read, n_inputs):
    outcomes = fuzz(
        changed_runs(folder),
        read,
        n_inputs=n_inputs,
        # Settings and corpora that differ are refused by their keys.
        names="",
    )
    expect_both(outcomes)


@pytest.mark.slow
def test_a_planted_fault_is_found(folder, read, monkeypatch):
    """Without the checks of the state, the strange numbers come to the loop."""

    def read_unchecked(path, kind):
        values = json.loads(path.read_text())
        values["cursor"] = state.DataCursor(**values["cursor"])
        return kind(**values)

    monkeypatch.setattr(state, "read_checked", read_unchecked)
    with pytest.raises(Exception) as caught:
        fuzz(changed_runs(folder), read, n_inputs=500, names="")
    assert not isinstance(caught.value, ValueError | OSError)
