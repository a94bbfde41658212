"""Configs for going on from a checkpoint, and the runs that they make."""

import json
from pathlib import Path

import pytest
import spacy
import torch
from environments import ROOT
from safetensors.torch import save_file
from transformers import AutoConfig, BertForMaskedLM

from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.starter_config import continue_config

BERT_BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "vocab_size": 30522,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}


def read(text, tmp_path, **overrides):
    (tmp_path / "config.cfg").write_text(text, encoding="utf8")
    given = {name.replace("__", "."): value for name, value in overrides.items()}
    return spacy.util.load_config(tmp_path / "config.cfg", given, interpolate=True)


def test_the_configs_folder_has_it_for_bert_base(tmp_path):
    """Update it with: spacy bert init-config BERT-BASE FILE --pretraining"""
    (tmp_path / "config.json").write_text(json.dumps(BERT_BASE))
    head = {"cls.seq_relationship.weight": torch.ones(2, 768)}
    save_file(head, tmp_path / "model.safetensors")
    found = (ROOT / "configs" / "pretrain-continue.cfg").read_text(encoding="utf8")
    expected = continue_config(tmp_path)
    assert found == expected.replace(str(tmp_path), "assets/bert-base-uncased")


def test_a_run_goes_on_and_the_next_one_knows_how(bert_path, corpus_path, tmp_path):
    """What pretraining was like is in config.json, which `transformers` keeps."""
    settings = {
        "paths__corpus": str(corpus_path),
        "corpus__sentences": "lines",
        "pretraining__max_steps": 2,
        "pretraining__max_length": 40,
        "pretraining__next_sentence": "sop",
        "pretraining__n_eval_instances": 8,
    }
    sections = read(continue_config(bert_path, lang="de"), tmp_path, **settings)
    out = tmp_path / "out"
    pretrain(PretrainingConfig.from_dict(sections), out, write=lambda text: None)
    best = out / "model-best"
    expected = {
        "sentences": "lines",
        "lang": "de",
        "next_sentence": "sop",
        "max_length": 40,
    }
    assert AutoConfig.from_pretrained(best).spacy_bert_pretraining == expected
    sections = read(continue_config(best), tmp_path)
    found = {**sections["corpus"], **sections["pretraining"]}
    assert {name: found[name] for name in expected} == expected


def test_a_checkpoint_without_a_head_for_pairs_gets_none(bert_path, tmp_path):
    BertForMaskedLM.from_pretrained(bert_path).save_pretrained(tmp_path / "mlm")
    for path, task in ((tmp_path / "mlm", "none"), (bert_path, "nsp")):
        sections = read(continue_config(path), tmp_path)
        assert sections["pretraining"]["next_sentence"] == task


@pytest.mark.parametrize("name", ['a "b" \\ c', "$HOME", "Ünï"])
def test_names_of_folders_are_read_as_they_are(bert_path, tmp_path, name):
    path = bert_path.rename(tmp_path / name)
    sections = read(continue_config(path), tmp_path, paths__corpus="x")
    assert Path(sections["pretraining"]["checkpoint"]) == path


@pytest.mark.slow
def test_a_real_bert_goes_on(minilm_path, tmp_path):
    text = "The patient was given aspirin. The pain was gone.\n\n" * 3
    (tmp_path / "text.txt").write_text(
        "\n\n".join(f"Note {i}. {text}" for i in range(12))
    )
    settings = {
        "paths__corpus": str(tmp_path / "text.txt"),
        "corpus__sentences": "lines",
        "pretraining__max_steps": 2,
        "pretraining__batch_size": 2,
        "pretraining__n_eval_instances": 4,
    }
    sections = read(continue_config(minilm_path), tmp_path, **settings)
    config = PretrainingConfig.from_dict(sections)
    assert config.pretraining.learn_rate == 1e-4
    state = pretrain(config, tmp_path / "out", write=lambda text: None)
    assert state.step == 2
