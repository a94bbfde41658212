"""`spacy bert init-config` writes nothing for what cannot be loaded."""

import json

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from spacy_bert.checkpoint.loading import load_bert
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.cli import bert_cli
from spacy_bert.model.quantized import quantize

OPTIONS = ["--pipeline=ner", "--task=entities", "--pretraining"]


def init_config(*args):
    result = CliRunner().invoke(bert_cli, ["init-config", *map(str, args)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def bert(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path / "bert", pretraining_model, tokenizer)
    return tmp_path / "bert"


def rename_tensors(path):
    tensors = load_file(path / "model.safetensors")
    save_file(
        {f"module.{n}": t for n, t in tensors.items()}, path / "model.safetensors"
    )


def drop_pieces(path):
    settings = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**settings, "vocab_size": 9}))


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (rename_tensors, "begin with 'module.'"),
        (drop_pieces, "says vocab_size=9"),
        (lambda path: (path / "tokenizer.json").write_text("{"), "tokenizer.json"),
        (lambda path: (path / "model.safetensors").unlink(), "found neither"),
        (lambda path: (path / "config.json").unlink(), "no config.json"),
    ],
)
def test_what_cannot_be_loaded(bert, tmp_path, damage, words, option):
    assert init_config(bert, tmp_path / "right.cfg", option)[0] == 0
    damage(bert)
    code, said = init_config(bert, tmp_path / "wrong.cfg", option)
    assert code == 1 and words in said
    assert not (tmp_path / "wrong.cfg").exists()


def test_a_head_of_its_own_embeddings_is_refused_for_pretraining_alone(bert, tmp_path):
    tensors = load_file(bert / "model.safetensors")
    pieces = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.weight"] = pieces + 1
    save_file(tensors, bert / "model.safetensors")
    settings = json.loads((bert / "config.json").read_text())
    settings["tie_word_embeddings"] = False
    (bert / "config.json").write_text(json.dumps(settings))
    code, said = init_config(bert, tmp_path / "pretrain.cfg", "--pretraining")
    assert code == 1 and "shares the encoder's embeddings" in said
    assert init_config(bert, tmp_path / "train.cfg")[0] == 0


def test_weights_of_8_bits_serve_heads_and_not_pretraining(bert, tmp_path):
    loaded = load_bert(bert)
    save_checkpoint(bert, quantize(loaded.encoder), loaded.tokenizer)
    code, said = init_config(bert, tmp_path / "pretrain.cfg", "--pretraining")
    assert code == 1 and "8-bit weights" in said


def test_the_home_folder_stays_as_it_was_written(bert, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for option in OPTIONS:
        code, text = init_config("~/bert", "-", option)
        assert code == 0 and 'checkpoint = "~/bert"' in text
