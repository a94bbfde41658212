"""An encoder in a pipeline keeps the MLM and NSP heads of its checkpoint."""

import copy
import json
import pickle
import shutil

import pytest
import spacy
import torch
from heads import add_head
from safetensors.torch import load_file, save_file
from spacy.training import Example
from thinc.api import Adam
from transformers import BertForMaskedLM, BertForPreTraining

from spacy_bert import add_encoder
from spacy_bert.checkpoint.loading import load_mlm_model
from spacy_bert.checkpoint.record import PretrainingRecord, find_record
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.pipeline.encoding import find_shims, get_shim
from spacy_bert.pipeline.fingerprint import fingerprint

TEXT = "the cat sat on the river bank"
IDS = torch.tensor([[2, 5, 4, 10, 3, 7, 4, 3]])
MLM, NSP = "cls.predictions", "cls.seq_relationship"
RECORD = PretrainingRecord(next_sentence="sop", max_length=32)


@pytest.fixture
def pretrained(tmp_path, pretraining_model, tokenizer):
    path = tmp_path / "pretrained"
    save_checkpoint(path, pretraining_model, tokenizer, record=RECORD)
    return path


@pytest.fixture
def make_nlp(pretrained):
    def make(**settings):
        nlp = spacy.blank("xx")
        add_encoder(nlp, pretrained, max_learn_rate=1.0, **settings)
        return nlp

    return make


def fine_tune(nlp):
    """Two steps, after which the encoder is another one; gives the optimizer."""
    add_head(nlp, "textcat")
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"A": a, "B": 1 - a}})
        for text, a in ((TEXT, 1.0), ("money", 0.0))
    ]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.001, use_averages=True)
    for _ in range(2):
        nlp.update(examples, sgd=optimizer)
    return optimizer


def shim_of(nlp):
    return get_shim(nlp.get_pipe("bert_encoder").model)


def saved_tensors(nlp, folder):
    nlp.to_disk(folder)
    return load_file(folder / "bert_encoder" / "model" / "model.safetensors")


def heads_of(tensors):
    return {name: t for name, t in tensors.items() if name.startswith("cls.")}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def from_disk(nlp, folder):
    nlp.to_disk(folder)
    return spacy.load(folder)


def from_bytes(nlp, folder):
    return spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())


def from_pickle(nlp, folder):
    component = pickle.loads(pickle.dumps(nlp.get_pipe("bert_encoder")))
    again = spacy.blank("xx").from_config(nlp.config)
    get_shim(again.get_pipe("bert_encoder").model).__dict__ |= get_shim(
        component.model
    ).__dict__
    return again


def from_copy(nlp, folder):
    again = spacy.blank("xx").from_config(nlp.config)
    again.get_pipe("bert_encoder").model = copy.deepcopy(
        nlp.get_pipe("bert_encoder").model
    )
    return again


@pytest.mark.parametrize("way", [from_disk, from_bytes, from_pickle, from_copy])
def test_every_round_trip_keeps_the_heads(pretrained, make_nlp, tmp_path, way):
    before = load_file(pretrained / "model.safetensors")
    assert heads_of(before)
    after = saved_tensors(way(make_nlp(), tmp_path / "way"), tmp_path / "nlp")
    assert_same(after, before)
    model = tmp_path / "nlp" / "bert_encoder" / "model"
    assert find_record(model) == RECORD


def test_transformers_fills_masks_from_a_pipeline(pretrained, make_nlp, tmp_path):
    make_nlp().to_disk(tmp_path / "nlp")
    for cls in (BertForPreTraining, BertForMaskedLM):
        logits = []
        for path in (pretrained, tmp_path / "nlp" / "bert_encoder" / "model"):
            model, info = cls.from_pretrained(path, output_loading_info=True)
            assert not info["missing_keys"]
            with torch.no_grad():
                logits.append(model.eval()(IDS)[0])
        assert torch.equal(*logits)


def test_fine_tuning_leaves_the_heads_and_moves_the_encoder(
    pretrained, make_nlp, tmp_path
):
    before = load_file(pretrained / "model.safetensors")
    nlp = make_nlp()
    optimizer = fine_tune(nlp)
    with nlp.use_params(optimizer.averages):
        averages = shim_of(nlp).encoder.embeddings.pieces.weight.detach().clone()
        after = saved_tensors(nlp, tmp_path / "nlp")
    assert_same(heads_of(after), heads_of(before))
    name = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(after[name], before[name])
    # The MLM head reads the embeddings that are saved with it.
    model, _, _ = load_mlm_model(tmp_path / "nlp" / "bert_encoder" / "model")
    assert torch.equal(model.encoder.embeddings.pieces.weight, averages)


def test_training_does_not_see_the_heads(pretrained, make_nlp, checkpoint):
    """Neither the optimizer nor the fingerprint differs from one without heads."""
    without = spacy.blank("xx")
    add_encoder(without, checkpoint, max_learn_rate=1.0)
    pair = make_nlp(), without
    assert len({fingerprint(nlp.get_pipe("bert_encoder").model) for nlp in pair}) == 1
    with_heads, alone = (fine_tune(nlp) for nlp in pair)
    assert len(with_heads.averages) == len(alone.averages) > 0
    # The bias of the pieces, one transform and two rows; no copy of the embeddings.
    sizes = [tensor.numel() for tensor in shim_of(pair[0]).heads.tensors.values()]
    assert sum(sizes) == 33 + 16 * 16 + 3 * 16 + 2 * 16 + 2


def test_an_encoder_of_a_heads_own_keeps_them_too(make_nlp, tmp_path):
    nlp = make_nlp()
    fine_tune(nlp)
    expected = shim_of(nlp).heads.tensors
    nlp.replace_listeners("bert_encoder", "textcat", ["model.tok2vec"])
    again = from_disk(nlp, tmp_path / "nlp")
    (shim,) = find_shims(again.get_pipe("textcat").model)
    assert_same(shim.heads.tensors, expected)


@pytest.mark.parametrize(
    "there, architecture",
    [
        ((MLM, NSP), "BertForPreTraining"),
        ((MLM,), "BertForMaskedLM"),
        ((NSP,), "BertForNextSentencePrediction"),
        ((), "BertModel"),
    ],
)
@pytest.mark.parametrize("is_pickled", [False, True])
def test_what_the_checkpoint_lacks_the_pipeline_lacks(
    pretrained, make_nlp, tmp_path, there, architecture, is_pickled
):
    path = pretrained / "model.safetensors"
    tensors = {
        name: tensor
        for name, tensor in load_file(path).items()
        if not name.startswith("cls.") or name.startswith(there)
    }
    if is_pickled:
        path.unlink()
        # As in 2019.
        old = {n.replace("Norm.weight", "Norm.gamma"): t for n, t in tensors.items()}
        torch.save(old, pretrained / "pytorch_model.bin")
    else:
        save_file(tensors, path)
    assert_same(saved_tensors(make_nlp(), tmp_path / "nlp"), tensors)
    config = tmp_path / "nlp" / "bert_encoder" / "model" / "config.json"
    assert json.loads(config.read_text())["architectures"] == [architecture]


def remove(tensors):
    del tensors["cls.predictions.transform.dense.bias"]


def cut(tensors):
    tensors["cls.predictions.bias"] = tensors["cls.predictions.bias"][:-1].clone()


def spoil(tensors):
    tensors["cls.predictions.bias"][0] = float("nan")


@pytest.mark.parametrize("damage", [remove, cut, spoil])
def test_a_damaged_head_is_left_out_and_named(pretrained, make_nlp, damage, caplog):
    tensors = load_file(pretrained / "model.safetensors")
    damage(tensors)
    save_file(tensors, pretrained / "model.safetensors")
    heads = shim_of(make_nlp()).heads
    assert not heads.has("mlm") and heads.has("nsp")
    assert "the MLM head is incomplete, damaged or of another size" in caplog.text


def untie(folder, change):
    """An MLM head with embeddings of its own, the encoder's plus a change; None: the
    file has none."""
    config, path = folder / "config.json", folder / "model.safetensors"
    settings = json.loads(config.read_text()) | {"tie_word_embeddings": False}
    config.write_text(json.dumps(settings))
    tensors = load_file(path)
    if change is not None:
        pieces = tensors["bert.embeddings.word_embeddings.weight"]
        tensors[f"{MLM}.decoder.weight"] = pieces + change
    save_file(tensors, path)


@pytest.mark.parametrize("change", [0.1, None])
def test_an_untied_mlm_head_is_left_out_and_named(pretrained, make_nlp, caplog, change):
    """Tied again, it would guess other pieces."""
    untie(pretrained, change)
    heads = shim_of(make_nlp()).heads
    assert not heads.has("mlm") and heads.has("nsp")
    assert "the MLM head has its own embeddings" in caplog.text


def test_an_mlm_head_with_a_copy_of_the_embeddings_is_kept(
    pretrained, make_nlp, tmp_path, caplog
):
    before = load_file(pretrained / "model.safetensors")
    untie(pretrained, 0.0)
    assert_same(saved_tensors(make_nlp(), tmp_path / "nlp"), before)
    assert not caplog.text


def test_the_other_name_of_the_bias(pretrained, make_nlp):
    tensors = load_file(pretrained / "model.safetensors")
    expected = heads_of(tensors)
    tensors[f"{MLM}.decoder.bias"] = tensors.pop(f"{MLM}.bias")
    save_file(tensors, pretrained / "model.safetensors")
    assert_same(shim_of(make_nlp()).heads.tensors, expected)


def test_8_bit_weights_have_no_heads(make_nlp, tmp_path):
    nlp = make_nlp()
    nlp.to_disk(tmp_path / "nlp")
    config = {"components.bert_encoder.model.precision": "int8"}
    quantized = [
        make_nlp(precision="int8"),
        spacy.load(tmp_path / "nlp", config=config),
    ]
    from_bytes = spacy.blank("xx").from_config(quantized[0].config)
    quantized.append(from_bytes.from_bytes(nlp.to_bytes()))
    for i, one in enumerate(quantized):
        assert not shim_of(one).heads.tensors
        again = from_disk(one, tmp_path / f"quantized-{i}")
        assert not shim_of(again).heads.tensors


def test_another_checkpoint_brings_its_own(make_nlp, checkpoint):
    nlp = make_nlp()
    shim_of(nlp).load(checkpoint)
    assert not shim_of(nlp).heads.tensors and shim_of(nlp).heads.record is None


def test_heads_of_a_folder_that_is_gone(make_nlp, pretrained, tmp_path):
    nlp = make_nlp()
    expected = load_file(pretrained / "model.safetensors")
    shutil.rmtree(pretrained)
    assert_same(saved_tensors(nlp, tmp_path / "nlp"), expected)
