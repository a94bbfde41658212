"""Pretraining goes on from every kind of BERT folder; only heads may be missing."""

import pytest
import spacy
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, BertForPreTraining, BertModel

from spacy_bert import add_encoder
from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.pretraining import pretrain
from spacy_bert.tokenization import load_tokenizer

POOLER, MLM, NSP = "bert.pooler", "cls.predictions", "cls.seq_relationship"


def quiet(text: str) -> None:
    pass


@pytest.fixture
def continued(tmp_path, settings, make_config):
    """continued(path) -> the tensors after a step too small to be seen."""
    settings["model"] = {}
    del settings["vocabulary"]

    def run(path):
        training = {"checkpoint": str(path), "max_steps": 1, "warmup_ratio": 0.0}
        config = make_config(pretraining=training | {"learn_rate": 1e-9})
        pretrain(config, tmp_path / "out", overwrite=True, write=quiet)
        return load_file(tmp_path / "out" / "model-last" / "model.safetensors")

    return run


def new_parts(caplog):
    """What the warnings name. "bert has no MLM head; it starts ..." -> MLM head"""
    ours = [r.message for r in caplog.records if r.name.startswith("spacy_bert")]
    return [message.split(" has no ")[1].split(":")[0] for message in ours]


@pytest.mark.parametrize(
    "cls, absent, named",
    [
        (BertForPreTraining, (), []),
        (BertForMaskedLM, (POOLER, NSP), ["pooler", "NSP head"]),
        (BertModel, (MLM, NSP), ["MLM head", "NSP head"]),
    ],
)
@pytest.mark.parametrize("is_safe", [True, False])
def test_what_is_there_is_loaded_and_what_is_not_is_named(
    bert_path, continued, caplog, cls, absent, named, is_safe
):
    before = load_file(bert_path / "model.safetensors")
    model = cls.from_pretrained(bert_path)
    (bert_path / "model.safetensors").unlink()
    model.save_pretrained(bert_path, safe_serialization=is_safe)
    assert (bert_path / "pytorch_model.bin").is_file() != is_safe
    after = continued(bert_path)
    assert new_parts(caplog) == named
    for name, tensor in before.items():
        is_kept = torch.allclose(after[name], tensor, atol=1e-6)
        assert is_kept != name.startswith(absent), name


def test_a_new_mlm_head_starts_from_frequencies(bert_path, continued, pieces):
    edit(bert_path, lambda name: not name.startswith("cls."))
    bias = continued(bert_path)["cls.predictions.bias"]
    the, sat, never = (bias[pieces.pieces.index(p)] for p in ("the", "sat", "##s"))
    assert the > sat > never
    assert bias.exp().sum() == pytest.approx(1.0, abs=1e-4)


def test_only_pretraining_fills_heads(bert_path, continued):
    edit(bert_path, lambda name: not name.startswith(NSP))
    with pytest.raises(ValueError, match="expected an NSP head, found none"):
        load_pretraining_model(bert_path)
    continued(bert_path)


@pytest.mark.parametrize(
    "name",
    [
        "bert.encoder.layer.0.output.dense.bias",
        "cls.predictions.bias",
        "cls.seq_relationship.weight",
        "bert.pooler.dense.bias",
    ],
)
def test_what_is_there_in_part_is_damaged(bert_path, continued, name):
    edit(bert_path, lambda other: other != name)
    with pytest.raises(ValueError, match=f"expected the tensor {name!r}"):
        continued(bert_path)


def edit(path, is_kept):
    """Leave tensors out."""
    tensors = load_file(path / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if is_kept(name)}
    assert len(kept) < len(tensors)
    save_file(kept, path / "model.safetensors")


def test_text_is_read_as_the_checkpoint_reads_it(
    bert_path, settings, make_config, tmp_path
):
    """A file of its pieces does not say that it is cased."""
    file = bert_path / "tokenizer_config.json"
    file.write_text(file.read_text().replace('_case": true', '_case": false'))
    settings["model"] = {}
    sections = {
        "pretraining": {"checkpoint": str(bert_path)},
        "vocabulary": {"path": str(bert_path / "vocab.txt")},
    }
    with pytest.raises(ValueError, match="lowercase: expected False, as in the check"):
        pretrain(make_config(**sections), tmp_path / "out", write=quiet)
    sections["vocabulary"]["lowercase"] = True
    pretrain(make_config(**sections), tmp_path / "out", write=quiet)
    assert load_tokenizer(tmp_path / "out" / "model-last").settings["lowercase"] is True


def test_it_goes_on_from_the_encoder_of_a_pipeline(
    bert_path, continued, caplog, tmp_path
):
    nlp = spacy.blank("xx")
    add_encoder(nlp, bert_path)
    nlp.to_disk(tmp_path / "nlp")
    after = continued(tmp_path / "nlp" / "bert_encoder" / "model")
    assert new_parts(caplog) == []
    before = load_file(bert_path / "model.safetensors")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, atol=1e-6, rtol=0)
