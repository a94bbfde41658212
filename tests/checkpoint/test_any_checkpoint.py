"""Checkpoints as they come give the vectors that they give in `transformers`."""

from functools import partial

import pytest
import torch
from hugging_face_toys import (
    N_PIECES,
    SHARDS,
    configured,
    edit_config,
    edit_tensors,
    our_vectors,
    pickle_weights,
    rename,
    save_bert,
    their_vectors,
)
from safetensors.torch import load_file, save_file

from spacy_bert.checkpoint.loading import check_loads, load_bert

ENDINGS = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


def with_gamma(name):
    for new, old in ENDINGS.items():
        name = name.replace(new, old)
    return name


def without_metadata(path):
    save_file(load_file(path / "model.safetensors"), path / "model.safetensors")


def next_to_another(path):
    torch.save({"bert.pooler.dense.bias": torch.ones(3)}, path / "pytorch_model.bin")


def with_position_ids(path):
    ids = {"embeddings.position_ids": torch.arange(64)[None]}
    edit_tensors(path, lambda tensors: tensors.update(ids))


def as_a_snapshot(path):
    """The Hub's cache has links to files whose names are their checksums."""
    (path / "blobs").mkdir()
    for i, file in enumerate([p for p in path.iterdir() if p.is_file()]):
        blob = file.rename(path / "blobs" / str(i))
        file.symlink_to(blob)


def store_as(dtype):
    return lambda path: edit_tensors(
        path, lambda tensors: {name: t.to(dtype) for name, t in tensors.items()}
    )


def keep_sizes_alone(path):
    gone = (
        *("model_type", "layer_norm_eps", "max_position_embeddings", "hidden_act"),
        *("type_vocab_size", "hidden_dropout_prob", "initializer_range"),
        *("attention_probs_dropout_prob", "architectures", "transformers_version"),
    )
    edit_config(path, **dict.fromkeys(gone))


model = save_bert

# name -> how it is saved, and what is done to the folder then.
LOADED = {
    "safetensors": (model, None),
    "position_ids": (model, with_position_ids),
    "no metadata": (model, without_metadata),
    "another .bin next to it": (model, next_to_another),
    "pytorch_model.bin": (model, pickle_weights),
    "pytorch_model.bin, legacy": (
        model,
        partial(pickle_weights, _use_new_zipfile_serialization=False),
    ),
    "gamma and beta": (model, rename(with_gamma)),
    "shards of safetensors": (partial(model, options=SHARDS), None),
    "shards of .bin": (
        partial(model, options={**SHARDS, "safe_serialization": False}),
        None,
    ),
    "a snapshot of links": (model, as_a_snapshot),
    "eps 1e-5": (partial(model, layer_norm_eps=1e-5), None),
    "eps 0.0": (model, configured(layer_norm_eps=0.0)),
    "2019": (model, configured(model_type=None, layer_norm_eps=None)),
    "dropout 0": (model, configured(hidden_dropout_prob=0)),
    "sizes alone": (partial(model, max_position_embeddings=512), keep_sizes_alone),
    "untied, encoder alone": (model, configured(tie_word_embeddings=False)),
    **{
        f"{n} positions": (partial(model, max_position_embeddings=n), None)
        for n in (128, 1024, 2048)
    },
    **{f"{n} segments": (partial(model, type_vocab_size=n), None) for n in (1, 16)},
    **{
        f"{n} rows more": (partial(model, vocab_size=N_PIECES + n), None)
        for n in (6, 127, 128, 1000)
    },
    **{
        str(t): (model, store_as(t)) for t in (torch.half, torch.bfloat16, torch.double)
    },
    **{
        name: (partial(model, hidden_act=name), None)
        for name in (
            *("gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_accurate"),
            *("gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish", "tanh"),
            "mish",
        )
    },
    **{
        kind: (partial(save_bert, kind=kind), None)
        for kind in (
            *("BertForPreTraining", "BertForMaskedLM", "BertForTokenClassification"),
            *("BertForSequenceClassification", "BertForQuestionAnswering"),
            *("BertForNextSentencePrediction", "BertForMultipleChoice"),
        )
    },
}


@pytest.fixture(params=LOADED)
def loaded(request, tmp_path):
    save, edit = LOADED[request.param]
    save(tmp_path)
    if edit:
        edit(tmp_path)
    return tmp_path


def test_it_loads_as_in_transformers(loaded):
    expected = their_vectors(loaded)
    check_loads(loaded)
    encoder = load_bert(loaded).encoder
    torch.testing.assert_close(our_vectors(encoder), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("n_unused", "warns"), [(0, 0), (127, 0), (128, 1), (1000, 1)])
def test_rows_without_a_piece_are_pointed_out(tmp_path, caplog, n_unused, warns):
    save_bert(tmp_path, vocab_size=N_PIECES + n_unused)
    load_bert(tmp_path)
    said = f"{n_unused} embeddings belong to no piece"
    assert [said in message for message in caplog.messages] == [True] * warns
