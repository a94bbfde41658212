"""Checkpoint folders with changed settings, tensors and pieces."""

import json
import shutil

import pytest
import spacy
import torch
from fuzzing import AMOUNTS, changed_bytes, changed_trees, expect_both, fuzz
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from spacy_bert import add_encoder
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertConfig

FILES = ["config.json", "tokenizer_config.json", "model.safetensors", "vocab.txt"]


@pytest.fixture
def folder(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path / "valid", pretraining_model, tokenizer)
    return tmp_path / "valid"


def changed_folders(folder):
    """-> the name of a file and its new content."""
    settings = [
        changed_trees(json.loads((folder / name).read_text())).map(
            lambda tree, name=name: (name, json.dumps(tree).encode())
        )
        for name in FILES[:2]
    ]
    tensors = load_file(folder / "model.safetensors")
    return st.one_of(
        *settings,
        changed_tensors(tensors).map(lambda t: ("model.safetensors", t)),
        changed_pieces((folder / "vocab.txt").read_text().split("\n")),
        changed_bytes(folder, FILES),
    )


@st.composite
def changed_tensors(draw, tensors):
    changed = dict(tensors)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(changed)))
        tensor = changed[name]
        change = draw(st.sampled_from(TENSOR_CHANGES))
        if change == "remove":
            del changed[name]
        elif change == "rename":
            changed[name + draw(st.sampled_from(["x", ".weight"]))] = changed.pop(name)
        elif change == "add":
            changed["unknown." + name] = tensor.clone()
        elif change in ("scale", "nan", "inf"):
            changed[name] = tensor.float().clone()
            number = 2.0 if change == "scale" else float(change)
            changed[name].view(-1)[0] = number
        elif change == "shape":
            changed[name] = torch.cat([tensor, tensor])
        else:
            changed[name] = tensor.to(getattr(torch, change))
    return changed


TENSOR_CHANGES = [
    *("remove", "rename", "add", "add", "scale", "scale", "nan", "inf", "shape"),
    *("float16", "bfloat16", "float64", "int64", "bool"),
]


@st.composite
def changed_pieces(draw, pieces):
    pieces = list(pieces)
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(pieces) - 1))
        new = draw(st.sampled_from(["", "new", "##new", "[MASK]", "\ufeff", "中"]))
        change = draw(st.sampled_from(["replace", "replace", "remove", "insert"]))
        if change == "insert":
            pieces.insert(i, new)
        elif change == "remove":
            del pieces[i]
        else:
            pieces[i] = new
    return "vocab.txt", "\n".join(pieces).encode()


@pytest.fixture
def read(folder):
    """Write the change, load the folder and predict with it."""
    nlp = spacy.blank("xx")

    def read(change):
        name, content = change
        changed = folder.with_name("changed")
        shutil.copytree(folder, changed, dirs_exist_ok=True)
        if isinstance(content, dict):
            save_file(content, changed / name)
        else:
            (changed / name).write_bytes(content)
        if nlp.pipe_names:
            nlp.remove_pipe("bert_encoder")
        encoder = add_encoder(nlp, changed)
        doc = encoder(nlp.make_doc("the cat sat on a river bank"))
        assert doc.tensor.shape[0] == len(doc)

    return read


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n_inputs", AMOUNTS)
def test_changed_checkpoints(folder, read, n_inputs):
    changed = str(folder.with_name("changed"))
    outcomes = fuzz(changed_folders(folder), read, n_inputs=n_inputs, names=changed)
    expect_both(outcomes)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_planted_fault_is_found(folder, read, monkeypatch):
    """Without the checks of the config, torch meets the strange numbers."""
    monkeypatch.setattr(BertConfig, "__post_init__", lambda config: None)
    with pytest.raises(Exception) as caught:
        fuzz(changed_folders(folder), read, n_inputs=500, names="")
    assert not isinstance(caught.value, ValueError | OSError)
