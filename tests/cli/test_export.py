"""`spacy bert export`: others compute from the folder what the pipeline computes."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from safetensors.torch import load_file, save_file
from spacy.training import Example
from transformers import AutoModel, AutoTokenizer, BertForPreTraining
from typer.testing import CliRunner

from spacy_bert import add_encoder
from spacy_bert.checkpoint.loading import load_bert, load_pretraining_model
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.cli import bert_cli
from spacy_bert.model import pack
from spacy_bert.tasks.starter_config import head_config

TEXTS = ["the cat sat on the river bank .", "a dog ran by !", "unaffable"]


@pytest.fixture
def pretrained(tmp_path, pretraining_model, tokenizer):
    save_checkpoint(tmp_path / "pretrained", pretraining_model, tokenizer)
    return tmp_path / "pretrained"


@pytest.fixture
def nlp(pretrained):
    """A pipeline with a head whose training has moved the encoder."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, pretrained, max_learn_rate=1.0)
    nlp.add_pipe("bert_ner", config=head_config("bert_ner", width=16))
    example = Example.from_dict(nlp.make_doc(TEXTS[0]), {"entities": [(4, 7, "CAT")]})
    optimizer = nlp.initialize(lambda: [example])
    for _ in range(2):
        nlp.update([example], sgd=optimizer)
    return nlp


@pytest.fixture
def run(tmp_path, monkeypatch, nlp):
    """run("pipeline", "out") -> the exit status and what was printed, in tmp_path"""
    monkeypatch.chdir(tmp_path)
    nlp.to_disk(tmp_path / "pipeline")

    def start(*arguments):
        arguments = ["export", *map(str, arguments)]
        result = CliRunner().invoke(bert_cli, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, " ".join(result.output.split())

    return start


def expect_success(result):
    assert result[0] == 0, result[1]


def encode(encoder, tokenizer, text):
    """The vectors of the pieces, and the pooled one."""
    ids = [tokenizer.cls_id, *tokenizer.encode(text).ids, tokenizer.sep_id]
    with torch.inference_mode():
        hidden = encoder(pack(torch.tensor(ids), [len(ids)]))
        return hidden.clone(), encoder.pool(hidden[:1]).clone()


def expected_outputs(pipeline):
    bert = load_bert(pipeline / "bert_encoder" / "model")
    encoder, tokenizer = bert.encoder, bert.tokenizer
    return [encode(encoder, tokenizer, text) for text in TEXTS]


def assert_close(found, expected, atol=1e-5):
    torch.testing.assert_close(found, expected, atol=atol, rtol=0)


def test_transformers_computes_the_same(run, tmp_path):
    expect_success(run("pipeline", "out"))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModel.from_pretrained(tmp_path / "out").eval()
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**batch)
    for i, (hidden, pooled) in enumerate(expected_outputs(tmp_path / "pipeline")):
        assert batch["attention_mask"][i].sum() == len(hidden)
        assert_close(output.last_hidden_state[i, : len(hidden)], hidden)
        assert_close(output.pooler_output[i], pooled[0])


def test_the_pretraining_heads_are_there(run, tmp_path):
    expect_success(run("pipeline", "out"))
    ours, _ = load_pretraining_model(tmp_path / "out")
    theirs, info = BertForPreTraining.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    ids = torch.tensor([2, 5, 4, 10, 3])
    with torch.inference_mode():
        output = ours(pack(ids, [5]), torch.arange(5))
        expected = theirs.eval()(ids[None])
    assert_close(output.mlm_logits, expected.prediction_logits[0])
    assert_close(output.nsp_logits, expected.seq_relationship_logits)


def test_sentence_transformers_computes_the_same(run, tmp_path):
    library = pytest.importorskip("sentence_transformers")
    expect_success(run("pipeline", "out"))
    found = library.SentenceTransformer(str(tmp_path / "out")).encode(TEXTS)
    for i, (hidden, _) in enumerate(expected_outputs(tmp_path / "pipeline")):
        assert_close(torch.from_numpy(found[i]), hidden.mean(0))


def test_spacy_transformers_computes_the_same(run, tmp_path):
    pytest.importorskip("spacy_transformers")
    expect_success(run("pipeline", "out"))
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(tmp_path / "out"),
        "get_spans": {"@span_getters": "spacy-transformers.doc_spans.v1"},
        "tokenizer_config": {"use_fast": True, "model_max_length": 32},
    }
    theirs = spacy.blank("xx")
    theirs.add_pipe("transformer", config={"model": model})
    theirs.initialize()
    for text, (hidden, _) in zip(
        TEXTS, expected_outputs(tmp_path / "pipeline"), strict=True
    ):
        found = theirs(text)._.trf_data.model_output.last_hidden_state
        assert_close(torch.from_numpy(found[0]), hidden)


def run_onnx(folder):
    """The outputs for each text, with the tokenizer of the folder."""
    onnxruntime = pytest.importorskip("onnxruntime")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = dict(tokenizer(TEXTS, padding=True, return_tensors="np"))
    batch = {name: x.astype(np.int64) for name, x in batch.items()}
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, batch), strict=True))
    lengths = batch["attention_mask"].sum(1)
    hidden = [
        torch.from_numpy(x[:n])
        for x, n in zip(outputs["last_hidden_state"], lengths, strict=True)
    ]
    pooled = outputs.get("pooler_output")
    return hidden, pooled if pooled is None else torch.from_numpy(pooled)


def test_onnx_runtime_computes_the_same(run, tmp_path):
    expect_success(run("pipeline", "out", "--format", "onnx"))
    found, pooled = run_onnx(tmp_path / "out")
    expected = expected_outputs(tmp_path / "pipeline")
    for i, (hidden, expected_pooled) in enumerate(expected):
        assert_close(found[i], hidden, atol=1e-4)
        assert_close(pooled[i], expected_pooled[0], atol=1e-4)


def similarity(found, expected):
    return torch.cosine_similarity(torch.cat(found), torch.cat(expected)).min()


def test_onnx_in_8_bits(run, tmp_path, nlp):
    """From 32 bits by --precision, and from an 8-bit pipeline by itself."""
    exact = [hidden for hidden, _ in expected_outputs(tmp_path / "pipeline")]
    config = {"components.bert_encoder.model.precision": "int8"}
    spacy.load(tmp_path / "pipeline", config=config).to_disk(tmp_path / "small")
    ours = [hidden for hidden, _ in expected_outputs(tmp_path / "small")]
    expect_success(run("pipeline", "one", "-f", "onnx", "--precision", "int8"))
    expect_success(run("small", "other", "-f", "onnx"))
    files = [tmp_path / name / "model.onnx" for name in ("one", "other")]
    assert files[0].read_bytes() == files[1].read_bytes()
    found, _ = run_onnx(tmp_path / "one")
    assert similarity(found, ours) > 0.999
    assert 0.98 < similarity(found, exact) < 0.9999


def test_transformers_has_no_8_bits(run, tmp_path, nlp):
    config = {"components.bert_encoder.model.precision": "int8"}
    spacy.load(tmp_path / "pipeline", config=config).to_disk(tmp_path / "small")
    for source in ("small", "small/bert_encoder/model"):
        code, said = run(source, "out")
        assert code == 1 and f"{source} has 8-bit weights" in said
        assert "Export the pipeline that it was made from" in said
        code, said = run(source, "out", "-f", "onnx", "--precision", "fp32")
        assert code == 1 and "expected int8" in said
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["transformers", "onnx"])
def test_a_checkpoint_is_exported_too(run, tmp_path, pretrained, format):
    expect_success(run("pretrained", "out", "--format", format))
    if format == "onnx":
        bert = load_bert(pretrained)
        encoder, tokenizer = bert.encoder, bert.tokenizer
        found, _ = run_onnx(tmp_path / "out")
        for i, text in enumerate(TEXTS):
            assert_close(found[i], encode(encoder, tokenizer, text)[0], atol=1e-4)
    else:
        one, other = (
            load_file(folder / "model.safetensors")
            for folder in (pretrained, tmp_path / "out")
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_pooler_that_is_not_there_is_not_made_up(run, tmp_path, pretrained):
    path = pretrained / "model.safetensors"
    tensors = {n: t for n, t in load_file(path).items() if "pooler" not in n}
    save_file(tensors, path)
    expect_success(run("pretrained", "out"))
    assert load_file(tmp_path / "out" / "model.safetensors").keys() == tensors.keys()
    expect_success(run("pretrained", "onnx", "-f", "onnx"))
    assert run_onnx(tmp_path / "onnx")[1] is None


def test_the_component_is_chosen_by_name(run, tmp_path, nlp):
    nlp.add_pipe("bert_encoder", "other", source=nlp, first=True)
    nlp.replace_listeners("bert_encoder", "bert_ner", ["model.tok2vec"])
    nlp.to_disk(tmp_path / "several")
    code, said = run("several", "out")
    assert code == 1 and "--component: " in said and "bert_ner" in said
    code, said = run("several", "out", "--component", "tagger")
    assert code == 1 and "got 'tagger'" in said
    expect_success(run("several", "out", "--component", "bert_ner"))
    expect_success(run("pipeline", "expected"))
    names = ["out/model.safetensors", "expected/model.safetensors"]
    one, other = (load_file(tmp_path / name) for name in names)
    assert all(torch.equal(one[name], other[name]) for name in other)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["pipeline", "out", "-f", "tf"], "transformers or onnx, got 'tf'"),
        (["pipeline", "out", "--precision", "int8"], "--precision is for --format"),
        (
            ["pipeline", "out", "-f", "onnx", "--precision", "int4"],
            "fp32 or int8, got 'int4'",
        ),
        (["pretrained", "out", "-c", "ner"], "is a checkpoint. Leave it out"),
        (["trained", "out"], "Give trained/model-best"),
        (["empty", "out"], "a folder with config.json, got another folder"),
        (["nowhere", "out"], "No pipeline is installed by the name 'nowhere'"),
        (["blank", "out"], "found none"),
    ],
)
def test_what_cannot_be_exported(run, tmp_path, arguments, message):
    (tmp_path / "trained" / "model-best").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    spacy.blank("xx").to_disk(tmp_path / "blank")
    code, said = run(*arguments)
    assert code == 1 and message in said
    assert not (tmp_path / "out").exists()


def test_without_the_package_onnx(run, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if "onnx_graph" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, said = run("pipeline", "out", "--format", "onnx")
    assert code == 1 and "pip install 'spacy-bert[onnx]'" in said


def test_only_an_export_is_replaced(run, tmp_path, pretrained):
    expect_success(run("pipeline", "out"))
    assert "exists already" in run("pipeline", "out")[1]
    expect_success(run("pipeline", "out", "-f", "onnx", "--force"))
    assert not (tmp_path / "out" / "model.safetensors").exists()
    # Somebody trained the model further and saved it in the same folder.
    expect_success(run("pipeline", "out", "--force"))
    model = AutoModel.from_pretrained(tmp_path / "out")
    model.save_pretrained(tmp_path / "out")
    code, said = run("pipeline", "out", "--force")
    assert code == 1 and "is not an export and nothing else, unchanged" in said
    # A checkpoint has the same files.
    code, said = run("pipeline", "pretrained", "--force")
    assert code == 1 and "is not an export" in said
    code, said = run("pipeline", "pipeline/bert_encoder", "--force")
    assert code == 1 and "apart from the input" in said


def test_a_file_next_to_an_export_is_not_lost(run, tmp_path):
    expect_success(run("pipeline", "out"))
    (tmp_path / "out" / "notes.md").write_text("mine")
    assert run("pipeline", "out", "--force")[0] == 1
    listed = json.loads(Path("out", "spacy_bert_export.json").read_text())["bytes"]
    assert "model.safetensors" in listed and "notes.md" not in listed
