"""Weights in shards."""

import json

import pytest
import torch
from hugging_face_toys import SHARDS, save_bert
from safetensors.torch import load_file

from spacy_bert.checkpoint import weights
from spacy_bert.checkpoint.weights import read_shapes, read_tensors

NAME = "model.safetensors"


@pytest.fixture(params=[True, False], ids=["safetensors", ".bin"])
def sharded(request, tmp_path):
    """The folder, and its tensors."""
    save_bert(tmp_path / "whole")
    options = {**SHARDS, "safe_serialization": request.param}
    save_bert(tmp_path / "shards", options=options)
    assert len(list((tmp_path / "shards").glob("*-of-*"))) > 2
    return tmp_path / "shards", load_file(tmp_path / "whole" / NAME)


@pytest.mark.parametrize("mapped_above", [0, 2**29])
def test_shards_hold_what_one_file_holds(sharded, monkeypatch, mapped_above):
    path, expected = sharded
    monkeypatch.setattr(weights, "MAPPED_ABOVE", mapped_above)
    found = read_tensors(path, NAME)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_shapes_come_without_the_weights(sharded):
    path, expected = sharded
    shapes = read_shapes(path, NAME)
    assert {name: tensor.shape for name, tensor in shapes.items()} == {
        name: tensor.shape for name, tensor in expected.items()
    }
    assert all(tensor.is_meta for tensor in shapes.values())


def test_only_shards_that_hold_what_is_asked_for_are_read(sharded):
    path, expected = sharded
    index = json.loads(next(path.glob("*.index.json")).read_text())
    wanted = "pooler.dense.bias"
    for shard in {*index["weight_map"].values()} - {index["weight_map"][wanted]}:
        (path / shard).write_bytes(b"damaged")
    found = read_tensors(path, NAME, ending=wanted)
    assert torch.equal(found.pop(wanted), expected[wanted]) and not found
    with pytest.raises(ValueError, match="cannot be read|is not loaded"):
        read_tensors(path, NAME)


def test_what_is_large_as_a_whole_is_mapped_shard_by_shard(tmp_path, monkeypatch):
    """A copy of each shard would be a copy of all."""
    save_bert(tmp_path, options=SHARDS)
    copied = []
    monkeypatch.setattr(
        weights, "_copy_safetensors", lambda path, _: copied.append(path)
    )
    sizes = [file.stat().st_size for file in tmp_path.glob("*-of-*")]
    monkeypatch.setattr(weights, "MAPPED_ABOVE", sum(sizes) - 1)
    assert max(sizes) < weights.MAPPED_ABOVE
    assert read_tensors(tmp_path, NAME) and not copied
