"""`spacy bert train` as a command."""

import signal
import subprocess
import sys

import pytest
from train_toys import files_of, run_spacys, same_pipelines, trouble
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli


def call(*args):
    return CliRunner().invoke(bert_cli, ["train", *map(str, args)])


def test_stopped_resumed_and_refused(tmp_path, make_config):
    config, output = make_config(), tmp_path / "out"
    short = ["--training.max_steps", "12"]
    run_spacys(config, tmp_path / "whole", {"training.max_steps": 12})
    with trouble(signal.SIGTERM, 5):
        result = call(config, "--output", output, *short)
    assert result.exit_code == 130 and "Stopped after step 4 and saved" in result.output
    result = call(config, "-o", output, "--resume", *short, "--training.dropout", "0.5")
    assert result.exit_code == 1 and "expected 0.1, got 0.5" in result.output
    result = call(config, "-o", output, "--resume", *short)
    assert result.exit_code == 0, result.output
    assert "Continuing after step 4" in result.output
    assert "Saved pipeline" in result.output
    same_pipelines(output, tmp_path / "whole")


def test_a_wrong_config_is_a_message(tmp_path, make_config):
    result = call(make_config(), "-o", tmp_path / "out", "--training.dropout", "much")
    assert result.exit_code == 1 and "dropout" in result.output
    assert not isinstance(result.exception, ValueError)


@pytest.mark.slow
def test_under_torchrun(tmp_path, make_config):
    config, output = make_config(settings={"training.max_steps": 12}), tmp_path / "out"
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "spacy_bert", "train", str(config), "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=True
    )
    # Rank 0 alone speaks.
    assert done.stdout.count("Saved pipeline") == 1
    assert done.stdout.count("Using CPU") == 1
    assert {"model-last", "model-best"} <= {path.parts[0] for path in files_of(output)}
