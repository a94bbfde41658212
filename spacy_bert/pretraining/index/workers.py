"""Shards that are missing -> shards on disk, built side by side in processes."""

import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from ..text.sources import Source
from .fingerprint import IndexPlan
from .shards import build_shard

# Each one's folder.
Shards = Sequence[tuple[Path, IndexPlan]]


def build_in_processes(shards: Shards, n_process: int) -> Iterator[IndexPlan]:
    """Each when it is done. One process is this one; 0 stands for one for each core.

    Raises what the build of a shard raises, and OSError where a process was killed.
    """
    n_process = min(n_process or _n_cores(), len(shards))
    if n_process <= 1:
        for path, plan in shards:
            build_shard(path, plan)
            yield plan
        return
    # Shards share all but their text, so that is sent as bytes that are read once.
    common = pickle.dumps(replace(shards[0][1], sources=()))
    with ProcessPoolExecutor(
        n_process, mp_context=get_context("spawn"), initializer=_start_worker
    ) as pool:
        plans = {
            pool.submit(_build, common, path, plan.sources): plan
            for path, plan in shards
        }
        try:
            for future in as_completed(plans):
                future.result()
                yield plans[future]
        except BrokenProcessPool as error:
            raise OSError(
                "A process that built the index was killed, as systems do that run out "
                "of memory. The shards that are done are kept: run it again with a "
                "smaller --n-process."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _n_cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker() -> None:
    # The tokenizers library otherwise takes all cores in each process.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent leaves none behind that writes shards beside a new build."""
    parent = parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _build(common: bytes, path: Path, sources: Sequence[Source]) -> None:
    build_shard(path, replace(_load(common), sources=sources))


@lru_cache(maxsize=1)
def _load(common: bytes) -> IndexPlan:
    return pickle.loads(common)
