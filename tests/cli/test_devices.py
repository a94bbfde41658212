"""Which device a command takes, and what it says of it."""

import pytest
import torch

from spacy_bert.cli.devices import choose_device


@pytest.fixture
def set_gpus(monkeypatch):
    return lambda n: monkeypatch.setattr(torch.cuda, "device_count", lambda: n)


@pytest.mark.parametrize(("n_gpus", "is_said"), [(0, False), (1, True)])
def test_the_cpu_beside_a_gpu_is_said(set_gpus, capsys, n_gpus, is_said):
    set_gpus(n_gpus)
    assert choose_device(-1) == torch.device("cpu")
    assert ("--gpu-id 0" in capsys.readouterr().out) == is_said


def test_ranks_take_a_gpu_each(set_gpus, monkeypatch):
    set_gpus(2)
    assert choose_device(0) == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device(-1) == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="--nproc-per-node: expected at most 2"):
        choose_device(-1)


def test_a_gpu_that_is_not_there(set_gpus):
    set_gpus(1)
    with pytest.raises(ValueError, match="--gpu-id: expected one of 0 to 0 .*got 1"):
        choose_device(1)
