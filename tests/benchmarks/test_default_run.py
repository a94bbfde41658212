"""The default run's results, from a folder in which it is finished."""

import json

import pytest

from benchmarks import default_run


@pytest.fixture
def finished(tmp_path):
    """The folder of one seed: what the commands write, in small."""
    folder = tmp_path / "seed-0"
    (folder / "metrics").mkdir(parents=True)
    (folder / "training" / "bert").mkdir(parents=True)
    project = "vars: {pretrain_steps: 2000, train_steps: 300}"
    (folder / "project.yml").write_text(project)
    for name, score in (("pretrained", 0.75), ("random", 0.5)):
        scores = dict.fromkeys(("cats_macro_f", "ents_f", "spans_sc_f"), score)
        (folder / "metrics" / f"{name}.json").write_text(json.dumps(scores))
    rows = [
        {"step": 1, "mlm_loss": 9.0},
        {"step": 2, **_held_out(mlm_loss=5.0, nsp_accuracy=0.6)},
        {"step": 3, **_held_out(mlm_loss=4.0, nsp_accuracy=0.8)},
        {"step": 4, **_held_out(mlm_loss=4.5, nsp_accuracy=0.9)},
    ]
    log = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "training" / "bert" / "log.jsonl").write_text(log)
    return folder


def _held_out(**numbers):
    return {f"held_out_{k}": v for k, v in {**numbers, "unigram_loss": 6.5}.items()}


def test_reads_scores_and_the_best_checkpoint(finished):
    found = default_run.read_results(finished, 12.5, is_shared=False)
    assert found["test Docs"]["pretrained"]["ner F"] == 75.0
    assert found["test Docs"]["random weights"]["textcat macro F"] == 50.0
    kept = {"MLM loss": 4.0, "NSP accuracy": 80.0}
    assert found["held-out text"]["pretrained"] == kept
    assert found["held-out text"]["guessing by frequency"] == {"MLM loss": 6.5}
    assert found["vocab to evaluate"]["four commands"] == {"minutes": 12.5}


def test_times_on_a_shared_machine_are_left_out(finished):
    found = default_run.read_results(finished, 12.5, is_shared=True)
    assert "vocab to evaluate" not in found
    assert found["test Docs"]["pretrained"]["note"] == "other work shared the machine"


def test_a_finished_folder_is_not_run_again(finished, monkeypatch, tmp_path, capsys):
    results = tmp_path / "results.json"
    command = ["default_run", str(tmp_path), "--seeds", "0", "--results", str(results)]
    monkeypatch.setattr("sys.argv", command)
    monkeypatch.setattr(default_run, "_run", None)
    default_run.main()
    table = capsys.readouterr().out
    assert "| test Docs | spancat F | pretrained | 75.0 | 75.0 | +25.0 |" in table


def test_a_seed_is_run_from_the_data_on_and_timed(tmp_path, monkeypatch):
    """`demo-data` once, then the four commands for each seed."""
    commands = []

    def run(command, folder, seed):
        commands.append((command, folder.name, seed))
        (folder / "assets").mkdir(exist_ok=True)
        (folder / "training").mkdir(exist_ok=True)

    monkeypatch.setattr(default_run, "_run", run)
    folder = tmp_path / "seed-1"
    assert default_run.run_project(tmp_path / "data", folder, "1") is not None
    each = [
        (name, "seed-1", "1") for name in ("vocab", "pretrain", "train", "evaluate")
    ]
    assert commands == [("demo-data", "data", "0"), *each]
    assert default_run.run_project(tmp_path / "data", folder, "1") is None
    assert commands[-4:] == each


def test_a_run_without_scores_is_not_finished(finished):
    assert default_run.is_finished(finished)
    (finished / "metrics" / "random.json").unlink()
    assert not default_run.is_finished(finished)
