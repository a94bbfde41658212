"""The machine that a run trains on, and how fast it does the model's own products."""

import platform
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from ...model import BertConfig
from ...model.linear import Linear
from ..training_config import TrainingConfig
from .flops import Product, flops_of, layer_products, mlm_products

# More rows take longer and change the rate by no more than one run differs from the
# next; GPUs need more of them to be busy, and several products for each look at the
# clock, which waits for them.
_MOST_ROWS, _MOST_ROWS_ON_GPU = 512, 16384
_N_AT_ONCE_ON_GPU = 10

_LEAST_RUNS, _MOST_RUNS = 3, 9
_SECONDS_EACH = 0.02


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The first rank's; `flops_per_second`, those of the model's matrix products alone
    in `dtype`, of all ranks together."""

    name: str
    device: str
    n_threads: int
    dtype: str
    torch: str
    flops_per_second: float
    n_ranks: int = 1


def measure_machine(
    bert: BertConfig,
    training: TrainingConfig,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Machine:
    """`dtype` is that of the products in training. Takes up to a second or two, once in
    a process, and leaves torch's global generators alone."""
    n_pieces = training.batch_size * training.max_length
    most = _MOST_ROWS if device.type == "cpu" else _MOST_ROWS_ON_GPU
    n_rows = min(n_pieces, most)
    n_masked = max(1, round(n_rows * training.mask_prob))
    return Machine(
        name=device_name(device),
        device=device.type,
        n_threads=torch.get_num_threads(),
        dtype=str(dtype).removeprefix("torch."),
        torch=torch.__version__,
        flops_per_second=_product_rate(bert, n_rows, n_masked, device, dtype),
    )


def device_name(device: torch.device) -> str:
    """Such as "AMD EPYC 9R14 (AVX512)" or "NVIDIA H200"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    names = [platform.processor(), platform.machine()]
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        lines = cpu_info.read_text(encoding="utf8").splitlines()
        names[:0] = [line.split(": ")[1] for line in lines if "model name\t: " in line]
    name = next(filter(None, names), device.type)
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


@cache
def _product_rate(
    bert: BertConfig,
    n_pieces: int,
    n_masked: int,
    device: torch.device,
    dtype: torch.dtype,
) -> float:
    """FLOP/s over all layers and the MLM head, each product timed alone."""
    products = Counter(layer_products(bert, n_pieces) * bert.n_layers)
    products.update(mlm_products(bert, n_masked))
    flops = seconds = 0.0
    for product, n_times in products.items():
        for each in _with_gradients(product):
            flops += n_times * flops_of(each)
            seconds += n_times * _seconds(each, device, dtype)
    return flops / seconds


def _with_gradients(product: Product) -> list[Product]:
    """And those for the input's and for the weight's gradient."""
    n_rows, n_in, n_out = product
    return [product, (n_rows, n_out, n_in), (n_out, n_rows, n_in)]


@torch.no_grad()
def _seconds(product: Product, device: torch.device, dtype: torch.dtype) -> float:
    """The median of several, by the layer that the model itself uses."""
    n_rows, n_in, n_out = product
    # Numbers as they occur: the power that a GPU draws, and so its clock, depends on
    # them.
    generator = torch.Generator(device).manual_seed(0)
    layer = skip_init(Linear, n_in, n_out, bias=False, device=device, dtype=dtype)
    layer.weight.normal_(generator=generator)
    x = torch.empty(n_rows, n_in, device=device, dtype=dtype)
    x.normal_(generator=generator)
    # The first run makes ready what later ones find.
    _timed(layer, x)
    runs: list[float] = []
    while len(runs) < _LEAST_RUNS or (
        len(runs) < _MOST_RUNS and sum(runs) < _SECONDS_EACH
    ):
        runs.append(_timed(layer, x))
    return median(runs)


def _timed(layer: nn.Module, x: Tensor) -> float:
    n_at_once = 1 if x.device.type == "cpu" else _N_AT_ONCE_ON_GPU
    start = perf_counter()
    for _ in range(n_at_once):
        layer(x)
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    return (perf_counter() - start) / n_at_once
