"""A kill or a full disk at file operations of each command: what was there stays whole,
and the same command then ends as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WALKER = Path(__file__).with_name("fault_walk.py")
# Which operations are tried: each, or each n-th.
SAMPLE = {
    ("pretrain", "kill"): 10,
    ("pretrain", "full"): 20,
    ("pretrain", "short"): 12,
    ("overwrite", "kill"): 30,
    ("vocab", "kill"): 3,
    ("vocab", "full"): 3,
    ("convert", "kill"): 3,
    ("convert", "short"): 20,
    ("quantize", "kill"): 10,
    ("quantize", "full"): 20,
    ("export", "kill"): 5,
    ("export", "full"): 10,
}
ALL = [
    (command, fault)
    for command in ("pretrain", "overwrite", "vocab", "convert", "quantize", "export")
    for fault in ("kill", "full", "short")
]


def walk(tmp_path, command, fault, every):
    """-> the number of operations that the command has"""
    process = subprocess.run(
        [sys.executable, WALKER, command, fault, tmp_path, str(every)],
        capture_output=True,
        text=True,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(map(str, WALKER.parents[:2])),
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        },
    )
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["wrong"] == []
    assert result["n_met"] > 0
    return result["n_operations"]


@pytest.mark.slow
@pytest.mark.parametrize("command, fault", SAMPLE)
def test_some_operations(tmp_path, command, fault):
    walk(tmp_path, command, fault, SAMPLE[command, fault])


@pytest.mark.long
@pytest.mark.parametrize("command, fault", ALL)
def test_all_operations(tmp_path, command, fault):
    n_operations = walk(tmp_path, command, fault, 1)
    least = {"vocab": 5, "convert": 5, "quantize": 30, "export": 10}
    assert n_operations > least.get(command, 100)
