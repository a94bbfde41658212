"""Checkpoints by name, from a server in the layout of the Hugging Face Hub."""

from pathlib import Path

import pytest
import torch
from hub_server import TOKEN
from safetensors.torch import load_file

from spacy_bert.checkpoint.hub import HubName, parse_name
from spacy_bert.checkpoint.saving import save_checkpoint

RESOLVE = """
from spacy_bert.checkpoint.resolving import resolve_checkpoint
try:
    print(resolve_checkpoint({name!r}, with_weights={with_weights}))
except (OSError, ValueError) as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def bert(tmp_path, pretraining_model, tokenizer) -> Path:
    path = tmp_path / "bert"
    save_checkpoint(path, pretraining_model, tokenizer)
    # What repositories have besides, and nobody here needs.
    for name in ("tf_model.h5", "flax_model.msgpack", "onnx/model.onnx", "README.md"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"large")
    for name in ("onnx/config.json", "openvino/model.safetensors", "a.safetensors"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(b"large")
    return path


@pytest.fixture
def resolve(hub):
    """resolve(name, **environment) -> what is printed: the folder, or the error."""

    def run(name, *, with_weights=True, **variables):
        code = RESOLVE.format(name=name, with_weights=with_weights)
        return hub.run(code, **variables)

    return run


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bert-base-uncased", HubName("bert-base-uncased", None)),
        ("BAAI/bge-small-en-v1.5", HubName("BAAI/bge-small-en-v1.5", None)),
        ("org/name@v1", HubName("org/name", "v1")),
        ("org/name@refs/pr/1", HubName("org/name", "refs/pr/1")),
        ("models/bert/base", None),
        ("./bert", None),
        ("../bert", None),
        ("/bert", None),
        ("~/bert", None),
        ("org/", None),
        ("org/name@", None),
        ("a name", None),
        ("bert\n", None),
        ("C:\\bert", None),
        ("vocab.txt", None),
        ("assets/model.safetensors", None),
        ("", None),
    ],
)
def test_which_texts_are_names(text, expected):
    assert parse_name(text) == expected


def test_a_name_is_downloaded_without_the_files_of_other_libraries(hub, bert, resolve):
    hub.add("org/name", bert)
    folder = Path(resolve("org/name"))
    assert folder.is_relative_to(hub.home / "hub" / "models--org--name")
    names = {file.name for file in folder.iterdir()}
    ours = {"config.json", "model.safetensors", "vocab.txt", "tokenizer.json"}
    assert names == {*ours, "tokenizer_config.json"}
    assert hub.downloads() == sorted(names)
    assert load_file(folder / "model.safetensors").keys() == (
        load_file(bert / "model.safetensors").keys()
    )


def test_what_is_in_the_cache_is_not_downloaded_again(hub, bert, resolve):
    hub.add("org/name", bert)
    folder, n_downloads = resolve("org/name"), len(hub.downloads())
    assert resolve("org/name") == folder
    assert len(hub.downloads()) == n_downloads


def test_offline_the_cache_is_enough(hub, bert, resolve):
    hub.add("org/name", bert)
    folder, n_requests = resolve("org/name"), len(hub.requests)
    assert resolve("org/name", HF_HUB_OFFLINE="1") == folder
    assert len(hub.requests) == n_requests
    hub.close()
    assert resolve("org/name") == folder


def test_an_old_name_leads_to_the_new_one(hub, bert, resolve):
    hub.add("org/name", bert)
    hub.moved["name"] = "org/name"
    assert (Path(resolve("name")) / "model.safetensors").is_file()


def test_a_revision_has_files_of_its_own(hub, bert, resolve, checkpoint):
    hub.add("org/name", bert)
    hub.add("org/name", checkpoint, revision="v2")
    newest, second = Path(resolve("org/name")), Path(resolve("org/name@v2"))
    heads = [
        "cls.predictions.bias" in load_file(p / "model.safetensors")
        for p in (newest, second)
    ]
    assert heads == [True, False]
    assert resolve(f"org/name@{second.name}") == str(second)
    said = resolve("org/name@v3")
    assert said.startswith("FileNotFoundError org/name: expected a branch")
    assert "got 'v3'" in said


def test_pickled_weights_come_only_if_there_are_no_others(hub, bert, resolve):
    tensors = load_file(bert / "model.safetensors")
    torch.save(tensors, bert / "pytorch_model.bin")
    folder = hub.add("org/name", bert)
    assert not (Path(resolve("org/name")) / "pytorch_model.bin").exists()
    assert "pytorch_model.bin" not in hub.downloads()
    (folder / "model.safetensors").unlink()
    hub.add("org/old", folder)
    found = Path(resolve("org/old"))
    assert torch.load(found / "pytorch_model.bin").keys() == tensors.keys()


def test_small_files_alone_if_nobody_needs_weights(hub, bert, resolve):
    hub.add("org/name", bert)
    folder = Path(resolve("org/name", with_weights=False))
    assert (folder / "vocab.txt").is_file()
    assert "model.safetensors" not in hub.downloads()
    said = resolve("org/name", HF_HUB_OFFLINE="1")
    # Clients before version 1 do not say what is missing.
    assert "not all of it was downloaded" in said or "not have all of that" in said
    assert resolve("org/name") == str(folder)
    assert (folder / "model.safetensors").is_file()


def test_shards_come_with_their_index(hub, bert, resolve):
    weights = bert / "model.safetensors"
    shard = weights.rename(bert / "model-00001-of-00001.safetensors")
    (bert / "model.safetensors.index.json").write_text("{}")
    hub.add("org/name", bert)
    folder = Path(resolve("org/name"))
    assert (folder / shard.name).is_file()
    assert (folder / "model.safetensors.index.json").is_file()
    # As after a download that was interrupted.
    (folder / shard.name).unlink()
    assert resolve("org/name") == str(folder)
    assert (folder / shard.name).is_file()


def test_another_model_is_refused_before_its_weights_come(hub, bert, resolve):
    (bert / "config.json").write_text('{"model_type": "roberta"}')
    hub.add("org/name", bert)
    said = resolve("org/name")
    assert said.startswith("ValueError") and "got 'roberta'" in said
    assert "model.safetensors" not in hub.downloads()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", "expected a BERT's config.json at the root"),
        ("model.safetensors", "expected model.safetensors or pytorch_model.bin"),
    ],
)
def test_a_repository_without_what_it_takes(hub, bert, resolve, missing, words):
    (bert / missing).unlink()
    hub.add("org/name", bert)
    assert resolve("org/name").startswith(f"FileNotFoundError org/name: {words}")


def test_an_absent_name(resolve):
    said = resolve("org/nmae")
    assert said.startswith("FileNotFoundError org/nmae: expected the folder")
    assert "no such folder here, and no such model there" in said


def test_a_gated_model_says_what_to_do(hub, bert, resolve):
    hub.add("org/name", bert, gated=True)
    for variables in ({}, {"HF_TOKEN": "hf_of_a_stranger"}):
        said = resolve("org/name", **variables)
        assert said.startswith("FileNotFoundError org/name is gated"), said
        assert "hf auth login" in said and "hf download org/name config.json" in said
    assert Path(resolve("org/name", HF_TOKEN=TOKEN)).is_dir()


def test_no_network_and_nothing_in_the_cache(hub, resolve):
    said = resolve("org/name@v1", HF_HUB_OFFLINE="1")
    assert said.startswith("FileNotFoundError org/name: expected the folder")
    assert "HF_HUB_OFFLINE forbids" in said
    assert "hf download org/name --revision v1 config.json" in said
    hub.close()
    said = resolve("org/name")
    assert said.startswith("FileNotFoundError")
    assert f"{hub.endpoint} cannot be reached. Check the spelling" in said
    assert "hf download org/name config.json" in said


def test_a_hub_that_is_out_of_order(hub, resolve):
    hub.is_broken = True
    assert "the Hub answered with the status 500. Check the spelling" in resolve("a/b")


def test_a_full_disk_is_not_taken_for_the_network(hub, bert, resolve):
    hub.add("org/name", bert)
    hub.home.write_text("a file in place of the folder")
    said = resolve("org/name")
    assert "Not a directory" in said or "File exists" in said
    assert "hf download" not in said


def test_a_folder_does_without_the_client(hub, bert):
    code = (
        "import sys; from spacy_bert.checkpoint.resolving import resolve_checkpoint\n"
        f"resolve_checkpoint({str(bert)!r}); print('huggingface_hub' in sys.modules)"
    )
    assert hub.run(code) == "False"
    assert hub.requests == []
