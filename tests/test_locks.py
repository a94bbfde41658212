"""A folder that one process has, another one does not get."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from spacy_bert import locks
from spacy_bert.locks import locked

HOLDER = """
import sys
from pathlib import Path
from spacy_bert.locks import locked

with locked(Path(sys.argv[1]), shared=len(sys.argv) > 2):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """hold(): another process has the folder; hold("shared"): a share of it."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, tmp_path, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.communicate()


def test_the_second_process_learns_who_has_the_folder(tmp_path, hold):
    process = hold()
    message = f"in use: process {process.pid} on {socket.gethostname()} writes"
    with pytest.raises(BlockingIOError, match=message):
        with locked(tmp_path):
            raise AssertionError("both have it")
    process.communicate()
    with locked(tmp_path):
        holder = json.loads((tmp_path / ".lock").read_text())
        assert holder == {"pid": os.getpid(), "host": socket.gethostname()}
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_keeps_nothing(tmp_path, hold):
    process = hold()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()


def test_shares_are_held_side_by_side(tmp_path, hold):
    hold("shared")
    with locked(tmp_path, shared=True):
        pass
    with pytest.raises(BlockingIOError, match="in use"):
        with locked(tmp_path):
            pass


def test_without_locks_a_warning_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "take", lambda file, shared=False: None)
    said = []
    with locked(tmp_path, write=said.append), locked(tmp_path, write=said.append):
        pass
    assert len(said) == 2 and "cannot be locked" in said[0]


def test_an_error_inside_releases_the_folder(tmp_path):
    with pytest.raises(ValueError, match="inside"):
        with locked(tmp_path):
            raise ValueError("inside")
    with locked(tmp_path):
        pass


def test_a_file_is_not_locked(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        NotADirectoryError, match="a folder to write to, got .*, a file or"
    ):
        with locked(tmp_path / "file"):
            pass
    assert (tmp_path / "file").read_text() == "mine"
