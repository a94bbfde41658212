"""What a user calls a checkpoint: folders, files, and what is neither."""

import shutil
from pathlib import Path

import pytest
import spacy

from spacy_bert import add_encoder
from spacy_bert.checkpoint.loading import load_bert
from spacy_bert.checkpoint.resolving import (
    name_folder,
    resolve_checkpoint,
    resolve_vocabulary,
)

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_itself(checkpoint, kind, monkeypatch):
    assert resolve_checkpoint(kind(checkpoint)) == checkpoint
    monkeypatch.chdir(checkpoint.parent)
    assert resolve_checkpoint(kind(checkpoint.name)) == Path(checkpoint.name)
    monkeypatch.chdir(checkpoint)
    assert resolve_checkpoint(kind(".")) == Path(".")


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "vocab.txt", "tokenizer.json"]
)
def test_a_file_of_a_folder_names_it(checkpoint, name):
    assert resolve_checkpoint(checkpoint / name) == checkpoint
    assert name_folder(str(checkpoint / name)) == str(checkpoint)


def test_a_file_that_would_not_be_read_is_refused(checkpoint):
    for name in ("pytorch_model.bin", "train.spacy"):
        (checkpoint / name).write_bytes(b"")
    with pytest.raises(ValueError, match="with, which are in model.safetensors"):
        resolve_checkpoint(checkpoint / "pytorch_model.bin")
    with pytest.raises(ValueError, match="got a file that is none of these"):
        resolve_checkpoint(checkpoint / "train.spacy")


def test_the_home_folder(checkpoint, monkeypatch):
    monkeypatch.setenv("HOME", str(checkpoint.parent))
    assert resolve_checkpoint(f"~/{checkpoint.name}") == checkpoint
    with pytest.raises(FileNotFoundError, match=f"^{checkpoint.parent}/other: expect"):
        resolve_checkpoint("~/other")
    with pytest.raises(FileNotFoundError, match="^~nobody-of-that-name/bert: expect"):
        resolve_checkpoint("~nobody-of-that-name/bert")


def test_a_vocabulary_is_a_file_a_folder_or_not_there_yet(checkpoint, monkeypatch):
    monkeypatch.setenv("HOME", str(checkpoint.parent))
    for path in (checkpoint, checkpoint / "vocab.txt", checkpoint / "new.txt"):
        assert resolve_vocabulary(str(path)) == path
    assert resolve_vocabulary("vocab.txt") == Path("vocab.txt")
    assert resolve_vocabulary("~/new.txt") == checkpoint.parent / "new.txt"


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_text(text):
    with pytest.raises(ValueError, match="expected the folder.*got an empty text"):
        resolve_checkpoint(text)


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("https://huggingface.co/org/name", "'org/name'"),
        (Path("https://huggingface.co/org/name"), "'org/name'"),
        ("https://huggingface.co/org/name/", "'org/name'"),
        ("https://huggingface.co/org/name/tree/main", "'org/name'"),
        ("https://huggingface.co/org/name/tree/v2", "'org/name@v2'"),
        ("https://hf.co/org/name/blob/main/config.json", "'org/name'"),
        ("huggingface.co/org/name", "'org/name'"),
        ("http://127.0.0.1:8000/org/name", "'org/name'"),
        ("hf://org/name", "'org/name'"),
        ("https://example.org/files/bert.tar.gz?x=1", "Download the model"),
    ],
)
def test_an_address_is_answered_with_the_name(address, advice):
    with pytest.raises(ValueError, match="got an address") as raised:
        resolve_checkpoint(address)
    assert advice in str(raised.value)


@pytest.mark.parametrize(
    "text", ["./bert", "models/bert/base", "bert.safetensors", "a b", "x" * 5000]
)
def test_what_is_not_there_and_is_no_name(text):
    with pytest.raises(FileNotFoundError, match="found nothing there") as raised:
        resolve_checkpoint(text)
    assert "a model's name on the Hugging Face Hub" in str(raised.value)


def training(root, checkpoint):
    """What `spacy train` wrote."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint)
    nlp.to_disk(root / "model-best")
    return root


def hub_cache(root, checkpoint):
    entry = root / "models--org--name"
    (entry / "refs").mkdir(parents=True)
    shutil.copytree(checkpoint, entry / "snapshots" / "0a1b")
    return entry


def moved(place):
    def move(root, checkpoint):
        shutil.copytree(checkpoint, root / place)
        return root

    return move


def sentence_transformers(root, checkpoint):
    (root / "modules.json").write_text("[]")
    return moved("0_Transformer")(root, checkpoint)


@pytest.mark.parametrize(
    ("make", "given", "found"),
    [
        (moved("model-best"), "", "model-best"),
        (moved("model-last"), "", "model-last"),
        (moved("a"), "", "a"),
        (sentence_transformers, "", "0_Transformer"),
        (hub_cache, "", "snapshots/0a1b"),
        (training, "", "model-best/bert_encoder/model"),
        (training, "model-best", "bert_encoder/model"),
        (training, "model-best/bert_encoder", "model"),
    ],
)
def test_a_level_too_high_is_answered_with_the_folder(
    tmp_path, checkpoint, make, given, found
):
    root = tmp_path / "root"
    root.mkdir()
    path = make(root, checkpoint) / given
    with pytest.raises(FileNotFoundError, match="no config.json") as raised:
        resolve_checkpoint(path)
    assert str(raised.value).endswith(f"There is a checkpoint in {path / found}.")
    load_bert(resolve_checkpoint(path / found))


def test_a_level_too_low_is_answered_with_the_folder(checkpoint, monkeypatch):
    inner = checkpoint / "onnx"
    inner.mkdir()
    expected = f"There is a checkpoint one level up, in {checkpoint}.$"
    with pytest.raises(FileNotFoundError, match=expected):
        resolve_checkpoint(inner)
    monkeypatch.chdir(inner)
    with pytest.raises(FileNotFoundError, match=expected):
        resolve_checkpoint(".")


def test_another_config_in_a_checkpoint_is_answered_with_the_folder(checkpoint):
    """As that of the pooling in a model of sentence-transformers."""
    inner = checkpoint / "1_Pooling"
    inner.mkdir()
    (inner / "config.json").write_text('{"word_embedding_dimension": 32}')
    expected = f"lacks vocab_size.* checkpoint one level up, in {checkpoint}.$"
    with pytest.raises(ValueError, match=expected):
        load_bert(resolve_checkpoint(inner))


def test_several_checkpoints_are_named_but_not_all(tmp_path, checkpoint):
    root = tmp_path / "root"
    for i in range(5):
        shutil.copytree(checkpoint, root / f"step-{i}")
    with pytest.raises(FileNotFoundError) as raised:
        resolve_checkpoint(root)
    named = " and in ".join(str(root / f"step-{i}") for i in range(3))
    assert str(raised.value).endswith(f"checkpoint in {named}, and 2 more.")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "The folder has nothing in it."),
        (["a.txt", "b.txt"], "The folder has a.txt, b.txt."),
        (
            ["bert_config.json", "bert_model.ckpt.index"],
            "google-research/bert. Convert",
        ),
        (["bert_config.json", "pytorch_model.bin"], "Rename its bert_config.json to"),
        (["meta.json", "config.cfg"], "It is a spaCy pipeline."),
        (["modules.json"], "It is a model of sentence-transformers."),
    ],
)
def test_other_folders_are_called_by_their_name(tmp_path, files, words):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    with pytest.raises(FileNotFoundError, match="no config.json") as raised:
        resolve_checkpoint(folder)
    assert words in str(raised.value)


def test_a_pipeline_of_spacy_transformers_is_called_so(tmp_path):
    (tmp_path / "meta.json").touch()
    model = '@architectures = "spacy-transformers.TransformerModel.v3"'
    (tmp_path / "config.cfg").write_text(model)
    with pytest.raises(FileNotFoundError, match="a pipeline of spacy-transformers"):
        resolve_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_pointer_of_git_lfs_says_how_to_get_the_file(checkpoint, name):
    (checkpoint / name).write_text(POINTER)
    expected = f"{name}: expected the file itself.*git -C {checkpoint} lfs pull"
    with pytest.raises(ValueError, match=expected):
        resolve_checkpoint(checkpoint)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_pointer_inside_a_pipeline_says_so_too(checkpoint, name):
    """A pipeline's folder is read without the resolver."""
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / name).write_text(POINTER)
    with pytest.raises(ValueError, match=f"{name}: expected the weights.*lfs pull"):
        load_bert(checkpoint)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tf_model.h5", "tf_model.h5: Weights of TensorFlow. Convert it"),
        ("flax_model.msgpack", "flax_model.msgpack: Weights of Flax. Convert it"),
        ("bert_model.ckpt.index", "a TensorFlow checkpoint of google-research/bert"),
        ("model.fp16.safetensors", "Rename it to model.safetensors"),
        ("pytorch_model.fp16.bin", "Rename it to pytorch_model.bin"),
        ("adapter_model.safetensors", "It is an adapter"),
        ("model.onnx", "An ONNX file is for prediction"),
    ],
)
def test_weights_that_are_not_read_are_named(checkpoint, name, words):
    (checkpoint / "model.safetensors").rename(checkpoint / name)
    with pytest.raises(FileNotFoundError, match="found neither") as raised:
        load_bert(checkpoint)
    assert words in str(raised.value)
