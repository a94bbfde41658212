"""The states of all generators of random numbers that training draws from."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class RandomState:
    """Python's, numpy's and torch's on the CPU, and torch's on GPUs.

    CuPy's, from which Thinc's layers draw their dropout on a GPU, cannot be read.
    """

    python: tuple[Any, ...]
    numpy: tuple[Any, ...]
    torch: bytes
    cuda: tuple[bytes, ...] = ()

    @classmethod
    def read(cls) -> "RandomState":
        name, keys, *rest = np.random.get_state(legacy=True)
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return cls(
            python=random.getstate(),
            numpy=(name, np.asarray(keys).tobytes(), *rest),
            torch=_to_bytes(torch.get_rng_state()),
            cuda=tuple(map(_to_bytes, cuda)),
        )

    def set(self) -> None:
        random.setstate(self.python)
        name, keys, *rest = self.numpy
        np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(_to_tensor(self.torch))
        for i, state in enumerate(self.cuda[: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(_to_tensor(state), i)

    def to_lists(self) -> list[Any]:
        """For msgpack, which has no tuples."""
        version, numbers, gauss = self.python
        python = [version, np.array(numbers, dtype=np.uint32).tobytes(), gauss]
        return [python, list(self.numpy), self.torch, list(self.cuda)]

    @classmethod
    def from_lists(cls, lists: list[Any]) -> "RandomState":
        (version, numbers, gauss), numpy, torch_state, cuda = lists
        integers = tuple(np.frombuffer(numbers, dtype=np.uint32).tolist())
        python = (version, integers, gauss)
        return cls(python, tuple(numpy), torch_state, tuple(cuda))


def _to_bytes(state: torch.Tensor) -> bytes:
    return state.cpu().numpy().tobytes()


def _to_tensor(state: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(state), dtype=torch.uint8)
