"""Checkpoints that cannot be loaded are refused by name, before and while loading."""

import json

import pytest
import torch
import transformers
from hugging_face_toys import (
    N_PIECES,
    SHARDS,
    configured,
    edit_tensors,
    pickle_weights,
    rename,
    save_bert,
)
from safetensors.torch import load_file

from spacy_bert.checkpoint.loading import check_loads, load_bert


def prefixed(prefix):
    return rename(lambda name: f"{prefix}{name}")


def under_a_key(path):
    tensors = load_file(path / "model.safetensors")
    torch.save({"state_dict": tensors, "epoch": 3}, path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()


def cut(name):
    def cut_off(path):
        if name == "pytorch_model.bin":
            pickle_weights(path)
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: len(content) // 2])

    return cut_off


def pickled_module(path):
    torch.save(torch.nn.Linear(2, 2), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()


def prune(path):
    pruned = transformers.BertModel.from_pretrained(path)
    pruned.prune_heads({0: [1]})
    pruned.save_pretrained(path)


def edit_index(change):
    def edit(path):
        file = path / "model.safetensors.index.json"
        index = json.loads(file.read_text())
        index["weight_map"] = change(index["weight_map"])
        file.write_text(json.dumps(index))

    return edit


def remove_a_shard(path):
    sorted(path.glob("model-*.safetensors"))[1].unlink()


def outside(weight_map):
    return {**weight_map, next(iter(weight_map)): "../model.safetensors"}


OTHER_TYPES = (
    "roberta distilbert albert electra modernbert deberta-v2 xlm-roberta camembert "
    "mpnet ernie megatron-bert nomic_bert"
).split()
INDEX = "index.json: expected weight_map to name a .safetensors file of the same folder"

REFUSED = {
    "hidden 30, 4 heads": (configured(hidden_size=30), "must be a multiple of n_heads"),
    "relative_key": (
        configured(position_embedding_type="relative_key"),
        "absolute position embeddings, got 'relative_key'.*spacy-transformers can load",
    ),
    "alibi": (configured(position_embedding_type="alibi"), "embeddings, got 'alibi'"),
    "is_decoder": (configured(is_decoder=True), "expected an encoder, got is_decoder"),
    "add_cross_attention": (
        configured(add_cross_attention=True),
        "expected an encoder, got add_cross_attention",
    ),
    "BertLMHeadModel": (
        configured(architectures=["BertLMHeadModel"]),
        "expected an encoder, got architectures = .*BertLMHeadModel predicts the next",
    ),
    "gelu_10": (configured(hidden_act="gelu_10"), "one of .*, got 'gelu_10'"),
    "no sizes": (configured(hidden_size=None), "lacks hidden_size"),
    "pruned heads": (prune, "project.weight of .* shape"),
    **{
        name: (configured(model_type=name), f"model_type 'bert', got '{name}'")
        for name in OTHER_TYPES
    },
    "rows missing": (
        lambda path: save_bert(path, vocab_size=N_PIECES - 1),
        f"has {N_PIECES} pieces but config.json says vocab_size={N_PIECES - 1}",
    ),
    "module.": (prefixed("module."), "begin with 'module.', which a wrapper"),
    "model.bert.": (prefixed("model.bert."), "begin with 'model.', which a wrapper"),
    "state_dict": (under_a_key, "such a dict under the key 'state_dict'"),
    "truncated": (cut("model.safetensors"), "cannot be read .* truncated"),
    "truncated .bin": (cut("pytorch_model.bin"), "cannot be read .* truncated"),
    "a module": (pickled_module, "holds more than tensors, or none, and is not loaded"),
    "a shard is missing": (
        lambda path: (reshard(path), remove_a_shard(path)),
        "model-00002-of-.* expected a part of the weights",
    ),
    "a shard elsewhere": (
        lambda path: (reshard(path), edit_index(outside)(path)),
        INDEX,
    ),
    "no shards": (lambda path: (reshard(path), edit_index(lambda m: {})(path)), INDEX),
    "shards of another kind": (
        lambda path: (
            reshard(path),
            edit_index(lambda m: dict.fromkeys(m, "pytorch_model.bin"))(path),
        ),
        INDEX,
    ),
}


def reshard(path):
    (path / "model.safetensors").unlink()
    save_bert(path, options=SHARDS)


@pytest.mark.parametrize("load", [load_bert, check_loads])
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_name(tmp_path, case, load):
    save_bert(tmp_path)
    edit, words = REFUSED[case]
    edit(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=words) as raised:
        load(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_shapes_are_checked_without_reading_weights(tmp_path):
    """All but the numbers: a checkpoint with NaN passes, and is refused on loading."""
    save_bert(tmp_path)
    broken = {"pooler.dense.bias": torch.full((32,), torch.nan)}
    edit_tensors(tmp_path, lambda tensors: tensors.update(broken))
    check_loads(tmp_path)
    with pytest.raises(ValueError, match="not finite"):
        load_bert(tmp_path)
