"""Interleaved rounds, their medians, and what they were measured on."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

PACKAGES = (
    "spacy-bert spacy torch thinc spacy-transformers transformers accelerate "
    "onnxruntime datasets"
).split()


def interleaved(
    runs: Mapping[str, Callable[[], object]], *, n_rounds: int
) -> dict[str, float]:
    """Seconds of each, the median of rounds in which all take their turn, after one
    that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for n in range(n_rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if n:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(taken) for name, taken in seconds.items()}


def describe_machine() -> list[str]:
    cpu = platform.processor() or platform.machine()
    flags: set[str] = set()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                cpu = value.strip()
            if key.strip() == "flags":
                flags = set(value.split())
    features = sorted(flags & {"avx2", "avx512f", "avx512_vnni", "amx_int8"})
    return [
        f"{cpu}, {os.cpu_count()} cores, {' '.join(features)}",
        f"Python {platform.python_version()}, {platform.system()}",
        ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
