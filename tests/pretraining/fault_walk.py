"""Run one command again and again, each time with a fault at another file operation,
and then once more without: it must end as if nothing had happened.

    python fault_walk.py COMMAND FAULT FOLDER EVERY

COMMAND: a name of COMMANDS. FAULT: "kill", by SIGKILL before the operation; "full", a
disk on which nothing can be made from that operation on; "short", a limit for the size
of files, so that they are cut at some byte. EVERY: 10 takes each tenth operation.

Each attempt is a fork of this process, which has imported all that the command needs.
Prints a line of JSON: how many operations the command has, at how many the fault came,
and what went wrong.
"""

import errno
import json
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
import typer
from fault_commands import COMMANDS, Command
from safetensors import SafetensorError

import spacy_bert.checkpoint.saving
import spacy_bert.folders

_CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate")
# Exit status of a fork whose command said what is wrong, and of one that crashed.
_REFUSED, _CRASHED = 3, 4

Meet = Callable[[str], None]


def watch(folder: Path, meet: Meet) -> None:
    """Call `meet` with "make" or "change" before each file operation in `folder`."""

    def hear(event: str, arguments: tuple) -> None:
        if event == "open" and _is_inside(arguments[0], folder):
            if arguments[2] & (os.O_WRONLY | os.O_RDWR):
                meet("make")
        elif event in _CHANGES:
            # Removing a whole folder gives names relative to an open one.
            is_relative = isinstance(arguments[-1], int) and arguments[-1] >= 0
            if is_relative or _is_inside(arguments[0], folder):
                meet("make" if event == "os.mkdir" else "change")

    sys.addaudithook(hear)
    # What is not Python's own is not heard.
    save_file, exchange = (
        spacy_bert.checkpoint.saving.save_file,
        spacy_bert.folders._exchange,
    )

    def save(*args, **kwargs):
        try:
            meet("make")
        except OSError as error:
            raise SafetensorError(str(error)) from error
        save_file(*args, **kwargs)
        meet("change")

    def swap(*args):
        meet("change")
        return exchange(*args)

    spacy_bert.checkpoint.saving.save_file = save
    spacy_bert.folders._exchange = swap


def fork(command: Command, folder: Path, prepare: Callable[[], None]) -> int:
    """The exit status of the command in a process of its own; that of a signal is
    negative."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = _CRASHED
    try:
        prepare()
        with redirect_stdout(StringIO()):
            command.run(folder)
        status = 0
    except (OSError, ValueError, typer.Exit) as error:
        # A command has shown what it ends with.
        said = error.__cause__ if isinstance(error, typer.Exit) else error
        resource.setrlimit(resource.RLIMIT_FSIZE, [resource.RLIM_INFINITY] * 2)
        (folder.parent / "said").write_text(str(said))
        status = _REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def count_operations(command: Command, folder: Path) -> int:
    count = folder.parent / "count"

    def prepare() -> None:
        n = 0

        def meet(kind: str) -> None:
            nonlocal n
            n += 1
            os.pwrite(file, str(n).encode(), 0)

        file = os.open(count, os.O_WRONLY | os.O_CREAT)
        watch(folder, meet)

    assert fork(command, folder, prepare) == 0
    return int(count.read_text())


def kill_at(n: int, folder: Path) -> Callable[[], None]:
    def prepare() -> None:
        n_left = n

        def meet(kind: str) -> None:
            nonlocal n_left
            n_left -= 1
            if n_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        watch(folder, meet)

    return prepare


def fill_at(n: int, folder: Path) -> Callable[[], None]:
    def prepare() -> None:
        n_left = n

        def meet(kind: str) -> None:
            nonlocal n_left
            n_left -= 1
            if n_left <= 0 and kind == "make":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        watch(folder, meet)

    return prepare


def cut_at(n: int, folder: Path) -> Callable[[], None]:
    """Sizes grow by a fifth: 20 bytes, 24, 29, ..."""

    def prepare() -> None:
        size = round(20 * 1.2**n)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return prepare


FAULTS = {"kill": kill_at, "full": fill_at, "short": cut_at}
_N_SIZES = 60


def walk(command: Command, fault: str, root: Path, every: int) -> dict:
    torch.set_num_threads(1)
    before, folder = root / "before", root / "folder"
    before.mkdir()
    command.prepare(before)

    def start_over() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder, symlinks=True)

    start_over()
    # In this process, so that the forks need not import.
    with redirect_stdout(StringIO()):
        command.run(folder)
    expected = command.read(folder), names(folder)
    start_over()
    n_operations = count_operations(command, folder)
    points = range(1, (_N_SIZES if fault == "short" else n_operations) + 1, every)
    n_met, wrong = 0, []
    for n in points:
        start_over()
        status = fork(command, folder, FAULTS[fault](n, folder))
        n_met += status != 0
        if fault == "kill" and status != -signal.SIGKILL:
            wrong.append(f"{n}: not killed, but {status}")
        if fault != "kill" and status not in (0, _REFUSED):
            wrong.append(f"{n}: crashed")
        if status == _REFUSED and str(folder) not in (root / "said").read_text():
            wrong.append(f"{n}: no path in {(root / 'said').read_text()}")
        if not command.is_whole(folder):
            wrong.append(f"{n}: neither the old output nor the new one")
        if fork(command, folder, lambda: None) != 0:
            said = root / "said"
            wrong.append(f"{n}: again: {said.read_text() if said.exists() else ''}")
        elif (command.read(folder), names(folder)) != expected:
            wrong.append(f"{n}: ends otherwise, with {names(folder)}")
    return {"n_operations": n_operations, "n_met": n_met, "wrong": wrong}


def names(folder: Path) -> list[str]:
    """So that nothing is left over."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def _is_inside(path: object, folder: Path) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    return os.fsdecode(path).startswith(str(folder))


if __name__ == "__main__":
    name, fault, root, every = sys.argv[1:]
    print(json.dumps(walk(COMMANDS[name], fault, Path(root), int(every))))
