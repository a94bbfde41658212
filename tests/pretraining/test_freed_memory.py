"""Freed memory is kept: the same pages serve again."""

import subprocess
import sys

import pytest

# How often the kernel has to hand out a page for ten tensors of 32 MiB, one by one,
# once the heap has grown to hold them, which takes some fifteen.
FAULTS = """
import resource, sys, torch
from spacy_bert.pretraining.training.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(40):
    torch.ones(1 << 23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(1 << 23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
@pytest.mark.slow
def test_large_tensors_take_no_new_pages():
    plain, kept = (
        int(subprocess.check_output([sys.executable, "-c", FAULTS, argument]))
        for argument in ("plain", "kept")
    )
    assert kept < plain / 5
