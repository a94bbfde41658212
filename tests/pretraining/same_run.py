"""Whether two runs ended the same: weights, optimizer, state, the best, the log."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from toy_corpus import read_log

from spacy_bert.pretraining.training.state import read_state


def weights(path: Path) -> dict[str, torch.Tensor]:
    """And the optimizer state."""
    return {
        f"{file.name}/{name}": tensor
        for file in (path / "model-last").rglob("*.safetensors")
        for name, tensor in load_file(file).items()
    }


def assert_same_run(path: Path, other: Path) -> None:
    ours, theirs = weights(path), weights(other)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
    assert read_state(path / "model-last") == read_state(other / "model-last")
    best, other_best = (
        (p / "model-best" / "model.safetensors").read_bytes() for p in (path, other)
    )
    assert best == other_best


def log_rows(path: Path) -> list[dict]:
    """Without what differs from one start or machine to the next."""
    of_the_start = ("machine", "origin", "notes", "mfu")
    return [
        {k: v for k, v in row.items() if "second" not in k and k not in of_the_start}
        for row in read_log(path)
    ]


def fills(path: Path) -> list[tuple[int, str, str]]:
    """Texts and answers; probabilities differ in their last digits."""
    rows = map(json.loads, (path / "fills.jsonl").read_text().splitlines())
    return [(row["step"], f["text"], f["answer"]) for row in rows for f in row["fills"]]
