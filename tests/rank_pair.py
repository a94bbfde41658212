"""Two ranks on the CPU: processes that stay, for one task after the other."""

import faulthandler
import os
import socket
import warnings
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

import torch

from spacy_bert.processes.ranks import open_ranks

# Seconds, after which a rank counts as hanging, and ends.
TIMEOUT = 200

# What this process opens and leaves open to its end.
_stack, _ranks = ExitStack(), []


class RankPair:
    """`pair(task, ...)`: what task(ranks, ...) gives on each of two ranks, or the
    exception that it raises there."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._pools = [
            ProcessPoolExecutor(
                1, get_context("spawn"), initializer=_join, initargs=(rank, port)
            )
            for rank in range(2)
        ]

    def __call__(self, task, *args) -> list:
        futures = [pool.submit(_do, task, *args) for pool in self._pools]
        return [_outcome(future) for future in futures]

    def close(self) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)


def _join(rank: int, port: int) -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in variables.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    _ranks.append(_stack.enter_context(open_ranks(torch.device("cpu"))))


def _do(task, *args):
    faulthandler.dump_traceback_later(TIMEOUT, exit=True)
    try:
        return task(_ranks[0], *args)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _outcome(future: Future):
    return future.exception() or future.result()
