"""The processes of a run, one for each device, and what they tell each other.

torchrun starts them; a process on its own is rank 0 of 1, which has nobody to tell.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from torch import Tensor

Result = TypeVar("Result")

# Rank 0 may build the index of a large corpus while the others wait.
_PATIENCE = timedelta(days=7)


class OtherRankError(RuntimeError):
    """Another rank failed, which says why itself."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """group: passes messages, which lie on the CPU. None if there is one process."""

    rank: int = 0
    n: int = 1
    group: Any = None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def on_first(self, task: Callable[[], Result]) -> Result:
        """Run `task` on rank 0 and broadcast its result.

        Raises what it raises there, and OtherRankError on the other ranks.
        """
        if self.group is None:
            return task()
        result: Any = None
        error: Exception | None = None
        if self.is_first:
            result, error = _attempt(task)
        message: list[Any] = [(result, str(error) if error else None)]
        with _connected():
            dist.broadcast_object_list(message, src=0, group=self.group)
        if error:
            raise error
        shared, reason = message[0]
        if reason:
            raise OtherRankError(f"Rank 0: {reason}")
        return cast(Result, result if self.is_first else shared)

    def on_all(self, task: Callable[[], Result]) -> Result:
        """Run `task` on all ranks, and raise together. It sends no messages. Returns
        what `task` gives here.

        Raises what it raises here, and OtherRankError if it did on another rank.
        """
        if self.group is None:
            return task()
        result, error = _attempt(task)
        reasons = self.gather(str(error) if error else None)
        if error:
            raise error
        for rank, reason in enumerate(reasons):
            if reason:
                raise OtherRankError(f"Rank {rank}: {reason}")
        return cast(Result, result)

    def sum(self, *values: float) -> list[float]:
        """Over all ranks, the same to the bit on each."""
        if self.group is None:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device="cpu")
        with _connected():
            dist.all_reduce(sums, group=self.group)
        return sums.tolist()

    def sum_tensor(self, tensor: Tensor) -> Tensor:
        """Over all ranks, in place where it can be; on the device where it lies."""
        if self.group is not None:
            with _connected():
                tensor = tensor.contiguous()
                dist.all_reduce(tensor)
        return tensor

    def gather(self, value: Result) -> list[Result]:
        """What each rank gives, on all of them."""
        if self.group is None:
            return [value]
        values: list[Any] = [None] * self.n
        with _connected():
            dist.all_gather_object(values, value, group=self.group)
        return values


SINGLE_PROCESS = Ranks()


@contextmanager
def open_ranks(device: torch.device) -> Iterator[Ranks]:
    """This process among those that torchrun started, or alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield SINGLE_PROCESS
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    group = dist.new_group(backend="gloo", timeout=_PATIENCE)
    yield Ranks(rank=dist.get_rank(), n=dist.get_world_size(), group=group)
    # After a fault the others may not answer any more.
    dist.destroy_process_group()


def _attempt(task: Callable[[], Result]) -> tuple[Any, Exception | None]:
    """What it gives, or the fault of the input or the disk that it raises."""
    try:
        return task(), None
    except (ValueError, OSError, SafetensorError) as error:
        return None, error


@contextmanager
def _connected() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise OtherRankError(
            "The connection to another rank is lost: it ended, and says why itself."
        ) from error
