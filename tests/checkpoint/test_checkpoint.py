"""The Hugging Face folder, both ways, and what is wrong with a broken one."""

import json
import os
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from time import process_time

import pytest
import spacy
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import BertForPreTraining, BertModel

from spacy_bert import add_encoder
from spacy_bert.checkpoint.loading import load_bert, load_pretraining_model, read_config
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertForPretraining, pack

IDS = [2, 5, 9, 10, 3, 7, 8, 3]
SEGMENTS = [0, 0, 0, 0, 0, 1, 1, 1]


def our_logits(model):
    batch = pack(torch.tensor(IDS), [len(IDS)], torch.tensor(SEGMENTS))
    output = model(batch, torch.arange(len(IDS)))
    return output.mlm_logits, output.nsp_logits


def their_logits(model):
    output = model(torch.tensor([IDS]), token_type_ids=torch.tensor([SEGMENTS]))
    return output.prediction_logits[0], output.seq_relationship_logits


def test_transformers_loads_what_we_write(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path, pretraining_model, tokenizer)
    theirs, info = BertForPreTraining.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    torch.testing.assert_close(
        our_logits(pretraining_model), their_logits(theirs.eval()), atol=1e-5, rtol=0
    )


def test_we_load_what_transformers_writes(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path, pretraining_model, tokenizer)
    theirs = BertForPreTraining.from_pretrained(tmp_path).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.3, generator=generator)
    theirs.save_pretrained(tmp_path)
    ours, _ = load_pretraining_model(tmp_path)
    torch.testing.assert_close(
        our_logits(ours), their_logits(theirs), atol=1e-5, rtol=0
    )


def test_the_encoder_of_a_pretraining_folder(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path, pretraining_model, tokenizer)
    bert = load_bert(tmp_path)
    encoder, pieces = bert.encoder, bert.tokenizer
    assert pieces.pieces == tokenizer.pieces
    for ours, theirs in zip(
        encoder.parameters(), pretraining_model.encoder.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["random_bert", "hf_tiny_random_bert"])
def test_a_pickled_checkpoint_of_transformers(request, name):
    """pytorch_model.bin, read without running what is pickled in it."""
    if name == "random_bert":
        path = request.getfixturevalue("random_bert_path")
    else:
        path = request.getfixturevalue("shared_data") / name
    assert (path / "pytorch_model.bin").is_file()
    bert = load_bert(path)
    encoder, tokenizer = bert.encoder, bert.tokenizer
    reference = BertModel.from_pretrained(path).eval()
    ids = [tokenizer.cls_id, *tokenizer.encode("A tiny test.").ids, tokenizer.sep_id]
    expected = reference(torch.tensor([ids])).last_hidden_state[0]
    hidden = encoder(pack(torch.tensor(ids), [len(ids)]))
    torch.testing.assert_close(hidden, expected, atol=1e-5, rtol=0)


def test_a_pickle_that_holds_code_is_not_run(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"code": Path}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="holds more than tensors.*not loaded"):
        load_bert(tmp_path)


def test_old_names_of_layer_norm_are_understood(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path, pretraining_model, tokenizer)
    tensors = load_file(tmp_path / "model.safetensors")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert old.keys() != tensors.keys()
    save_file(old, tmp_path / "model.safetensors")
    again, _ = load_pretraining_model(tmp_path)
    torch.testing.assert_close(our_logits(again), our_logits(pretraining_model))


def test_a_folder_without_a_pooler_says_so(
    tmp_path, pretraining_model, tokenizer, caplog
):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    edit_tensors(tmp_path, lambda t: [t.pop(k) for k in list(t) if "pooler" in k])
    encoder = load_bert(tmp_path).encoder
    assert "has no pooler: a new one starts from random weights" in caplog.text
    assert encoder.pooler.weight.device.type == "cpu"


def edit_tensors(path, edit):
    tensors = load_file(path / "model.safetensors")
    edit(tensors)
    save_file(tensors, path / "model.safetensors")


def fill(tensors, name, index, value):
    next(t for k, t in tensors.items() if name in k).view(-1)[index] = value


def keep_vocab(path, text):
    """The one file of the tokenizer that old checkpoints have; None: not even that."""
    (path / "tokenizer.json").unlink()
    (path / "vocab.txt").unlink()
    if text is not None:
        (path / "vocab.txt").write_text(text, encoding="utf8")


def edit_config(path, **changes):
    settings = json.loads((path / "config.json").read_text())
    settings.update(changes)
    settings = {name: value for name, value in settings.items() if value != "gone"}
    (path / "config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda p: (p / "config.json").unlink(), FileNotFoundError, "no config.json"),
        (lambda p: (p / "config.json").write_text("{"), ValueError, "is not JSON"),
        (lambda p: (p / "config.json").write_text("[1]"), ValueError, "an object of"),
        (
            lambda p: edit_config(p, hidden_size="16"),
            ValueError,
            "config.json: hidden_width must be a whole number",
        ),
        (
            lambda p: edit_config(p, num_hidden_layers=1),
            ValueError,
            "expected 1 layers, as the config says, found 2",
        ),
        (
            lambda p: edit_config(p, num_hidden_layers=1000),
            ValueError,
            "expected 1000 layers, as the config says, found 2",
        ),
        (
            lambda p: edit_config(p, num_hidden_layers=200_000),
            ValueError,
            "config.json: n_layers must be at most 1,000, got 200,000",
        ),
        (
            lambda p: edit_config(p, hidden_size=4 * 10**15),
            ValueError,
            "config.json: expected a model of at most .*mostly because of hidden_width",
        ),
        (
            lambda p: edit_config(p, vocab_size=10**19),
            ValueError,
            "the vocabulary has 33 pieces|at most .* parameters",
        ),
        (
            lambda p: edit_config(p, layer_norm_eps=1e300),
            ValueError,
            r"layer_norm_eps must be above 0 and at most 1, got 1e\+300",
        ),
        (
            lambda p: (p / "config.json").write_text("[" * 100_000),
            ValueError,
            "is not JSON",
        ),
        (
            lambda p: edit_tensors(p, lambda t: fill(t, "word_emb", 100, float("nan"))),
            ValueError,
            "embeddings.pieces.weight holds values that are not finite",
        ),
        (
            lambda p: edit_tensors(p, lambda t: fill(t, "word_emb", 9, float("inf"))),
            ValueError,
            "embeddings.pieces.weight holds values that are not finite",
        ),
        (
            lambda p: edit_tensors(
                p, lambda t: t.update({k: v.long() for k, v in t.items()})
            ),
            ValueError,
            "of torch.float32, got torch.int64. The file does not hold a BERT's",
        ),
        (
            lambda p: keep_vocab(p, "\ufeff[PAD]\n[UNK]\n"),
            ValueError,
            "without a byte order mark",
        ),
        (
            lambda p: keep_vocab(p, "abcdefg\n" * 10**7),
            ValueError,
            "expected a vocabulary of at most 16,777,216 bytes, got 80,000,000",
        ),
        (
            lambda p: edit_tensors(
                p, lambda t: t["bert.pooler.dense.bias"].fill_(float("nan"))
            ),
            ValueError,
            "pooler.bias holds values that are not finite",
        ),
        (
            lambda p: (p / "tokenizer_config.json").write_text("{"),
            ValueError,
            "tokenizer_config.json is not JSON",
        ),
        (
            lambda p: (p / "tokenizer_config.json").write_text(
                '{"do_lower_case": "y"}'
            ),
            ValueError,
            "do_lower_case must be true or false, got 'y'",
        ),
        (
            lambda p: (p / "tokenizer_config.json").write_text(
                '{"tokenize_chinese_chars": null}'
            ),
            ValueError,
            "tokenize_chinese_chars must be true or false, got None",
        ),
        (lambda p: edit_config(p, model_type="roberta"), ValueError, "got 'roberta'"),
        (lambda p: edit_config(p, hidden_size="gone"), ValueError, "lacks hidden_size"),
        (
            lambda p: edit_config(p, position_embedding_type="relative_key"),
            ValueError,
            "expected absolute position embeddings",
        ),
        (
            lambda p: keep_vocab(p, None),
            FileNotFoundError,
            "expected tokenizer.json or vocab.txt for its tokenizer, .* found neither",
        ),
        (
            lambda p: (p / "model.safetensors").unlink(),
            FileNotFoundError,
            "expected model.safetensors",
        ),
        (
            lambda p: (p / "model.safetensors").write_bytes(b"\0" * 30),
            ValueError,
            "cannot be read .* truncated",
        ),
        (
            lambda p: edit_tensors(
                p, lambda t: t.pop("bert.encoder.layer.1.output.dense.bias")
            ),
            ValueError,
            "expected the tensor 'bert.encoder.layer.1.output.dense.bias'.*incomplete",
        ),
        (
            lambda p: edit_config(p, intermediate_size=64),
            ValueError,
            r"layers.0.intermediate.weight of .* shape \(64, 16\), got .*\(32, 16\)",
        ),
        (
            lambda p: keep_vocab(
                p,
                "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + "\n".join(map(str, range(40))),
            ),
            ValueError,
            "the vocabulary has 45 pieces but config.json says vocab_size=33",
        ),
    ],
)
def test_a_broken_folder_is_named(
    tmp_path, pretraining_model, tokenizer, damage, error, message
):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    damage(tmp_path)
    with pytest.raises(error, match=message) as caught:
        load_bert(tmp_path)
    assert str(tmp_path) in str(caught.value) or "expected" in str(caught.value)


@pytest.mark.parametrize(
    "pickled",
    [
        [torch.zeros(2)],
        torch.zeros(2),
        3,
        {"a": 1},
        {"model": {"a": torch.zeros(2)}},
        {"a": torch.zeros(2, 2).to_sparse()},
        {"a": torch.zeros(2, device="meta")},
        {"a": torch.zeros(2)},
    ],
)
def test_other_pickles_are_named(tmp_path, pretraining_model, tokenizer, pickled):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    (tmp_path / "model.safetensors").unlink()
    torch.save(pickled, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=f"^{tmp_path}.*expected"):
        load_bert(tmp_path)


def test_damaged_pickles_are_named(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    (tmp_path / "model.safetensors").unlink()
    path = tmp_path / "pytorch_model.bin"
    for damaged in (b"", b"abc", b"\x80\x02.", b"PK\x03\x04" + bytes(100), b"cos\nx\n"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"^{path}"):
            load_bert(tmp_path)


def test_sizes_that_cannot_be_are_refused_at_once(
    tmp_path, pretraining_model, tokenizer
):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    before = process_time()
    for changes in ({"num_hidden_layers": 10**9}, {"num_hidden_layers": 1000}):
        edit_config(tmp_path, **changes)
        with pytest.raises(ValueError):
            load_bert(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"abcdefg\n" * 10**7)
    with pytest.raises(ValueError):
        load_bert(tmp_path)
    assert process_time() - before < 1.0


@pytest.mark.parametrize(
    "name", ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"]
)
def test_a_full_disk_is_an_error_of_the_system(
    tmp_path, pretraining_model, tokenizer, name
):
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OSError) as raised:
        save_checkpoint(tmp_path, pretraining_model, tokenizer)
    assert raised.value.errno == ENOSPC


def test_weights_that_overflow_are_noticed_in_the_vectors(
    tmp_path, pretraining_model, tokenizer
):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    edit_tensors(tmp_path, lambda t: fill(t, "word_emb", slice(None), 3e38))
    nlp = spacy.blank("xx")
    add_encoder(nlp, tmp_path)
    with pytest.raises(ValueError, match="vectors of finite numbers.*got NaN"):
        nlp("the cat")


def test_weights_that_change_while_they_are_read(
    tmp_path, pretraining_model, tokenizer, monkeypatch
):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    weights = tmp_path / "model.safetensors"

    def open_and_replace(*args, **kwargs):
        new = tmp_path / "other"
        new.write_bytes(weights.read_bytes())
        new.replace(weights)
        return safe_open(*args, **kwargs)

    monkeypatch.setattr("spacy_bert.checkpoint.weights.safe_open", open_and_replace)
    with pytest.raises(ValueError, match="it changed while it was read"):
        load_bert(tmp_path)


def test_an_encoder_alone_is_no_pretraining_model(
    tmp_path, pretraining_model, tokenizer
):
    save_checkpoint(tmp_path, pretraining_model.encoder, tokenizer)
    with pytest.raises(ValueError, match="expected an MLM head, found none"):
        load_pretraining_model(tmp_path)


def test_every_number_of_the_config_survives(tmp_path, toy_config, tokenizer):
    config = replace(
        toy_config,
        activation="gelu_new",
        layer_norm_eps=1e-6,
        initializer_range=0.1,
        hidden_dropout_prob=0.2,
        attention_dropout_prob=0.3,
        n_segments=3,
    )
    save_checkpoint(tmp_path, BertForPretraining(config), tokenizer)
    assert read_config(tmp_path) == config


def test_who_may_read_the_config_may_read_the_weights(
    pretraining_model, tokenizer, tmp_path
):
    before = os.umask(0o022)
    try:
        save_checkpoint(tmp_path, pretraining_model, tokenizer)
    finally:
        os.umask(before)
    modes = {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {0o644}
