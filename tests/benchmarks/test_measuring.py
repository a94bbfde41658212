"""A run in a process of its own ends with the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# The child says who it is, and would go on for a minute.
PARENT = """
import sys
from time import sleep
from pathlib import Path
from benchmarks.measuring import run_alone
from test_measuring import stay

if __name__ == "__main__":
    run_alone(stay, path=sys.argv[1])
"""


def stay(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


def is_alive(pid):
    """A zombie, which waits for a parent to ask, has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"


def wait_until(is_true):
    for _ in range(300):
        if is_true():
            return True
        time.sleep(0.1)
    return False


def test_a_child_does_not_outlive_a_killed_parent(tmp_path):
    script, path = tmp_path / "parent.py", tmp_path / "pid"
    script.write_text(PARENT)
    folders = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    parent = subprocess.Popen([sys.executable, str(script), str(path)], env=environment)
    assert wait_until(lambda: path.exists() and path.read_text())
    child = int(path.read_text())
    assert is_alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_until(lambda: not is_alive(child))
