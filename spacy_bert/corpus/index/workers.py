"""Shards that are missing -> shards on disk, built side by side in processes."""

import os
import pickle
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from ..sources import Source
from .fingerprint import IndexPlan
from .shards import OnRead, build_shard

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

# Each one's folder.
Shards = Sequence[tuple[Path, IndexPlan]]

# Between looks at how much the processes have read.
_SECONDS = 0.5

# In a worker, all workers' count of bytes, which it can get at its start alone.
_n_read: "list[Synchronized[int]]" = []


def build_in_processes(shards: Shards, n_process: int, on_read: OnRead) -> None:
    """Build all of them. One process is this one; 0 is one for each core.

    on_read: gets the number of bytes each time that some text was read.

    Raises what the build of a shard raises, and OSError if a process was killed.
    """
    n_process = min(n_process or _n_cores(), len(shards))
    if n_process <= 1:
        for path, plan in shards:
            build_shard(path, plan, on_read)
        return
    # Shards share all but their text, so that is sent as bytes that are read once.
    common = pickle.dumps(replace(shards[0][1], sources=()))
    context = get_context("spawn")
    n_read, n_told = context.Value("q", 0), 0
    with ProcessPoolExecutor(
        n_process,
        mp_context=context,
        initializer=_start_worker,
        initargs=(n_read,),
    ) as pool:
        waiting = {
            pool.submit(_build, common, path, plan.sources) for path, plan in shards
        }
        try:
            while waiting:
                done, waiting = wait(waiting, _SECONDS, FIRST_COMPLETED)
                for future in done:
                    future.result()
                n_more = n_read.value - n_told
                on_read(n_more)
                n_told += n_more
        except BrokenProcessPool as error:
            raise OSError(
                "A process that built the index was killed, as systems do that run out "
                "of memory. The shards that are done are kept: run it again with a "
                "smaller --n-process."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _n_cores() -> int:
    """Those that this process may use, if the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker(n_read: "Synchronized[int]") -> None:
    _n_read.append(n_read)
    # The tokenizers library otherwise takes all cores in each process.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent leaves none behind that writes shards while a new build does."""
    parent = parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _build(common: bytes, path: Path, sources: Sequence[Source]) -> None:
    build_shard(path, replace(_load(common), sources=sources), _add_read)


def _add_read(n_bytes: int) -> None:
    (n_read,) = _n_read
    with n_read.get_lock():
        n_read.value += n_bytes


@lru_cache(maxsize=1)
def _load(common: bytes) -> IndexPlan:
    plan: IndexPlan = pickle.loads(common)
    return plan
