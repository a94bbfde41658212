"""What results were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "spacy-bert spacy torch thinc spacy-transformers transformers accelerate "
    "onnxruntime datasets"
).split()


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
