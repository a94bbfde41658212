"""`spacy bert evaluate` measures a checkpoint as it was pretrained."""

import json

import pytest
from transformers import BertForMaskedLM
from typer.testing import CliRunner

from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.checkpoint.record import KEY, PretrainingRecord, read_record
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.cli import bert_cli
from spacy_bert.model import BertConfig, BertForPretraining


@pytest.fixture
def remember(bert_path):
    """remember(sentences="lines") -> the toy checkpoint with that record"""

    def save(**settings):
        model, tokenizer = load_pretraining_model(bert_path)
        record = PretrainingRecord(**settings)
        save_checkpoint(bert_path, model, tokenizer, record=record)
        assert read_record(bert_path) == record
        return bert_path

    return save


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(bert_cli, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    # How fast it was differs.
    lines = [line for line in result.output.splitlines() if "Reading the" not in line]
    return " ".join(" ".join(lines).split())


def evaluate(path, corpus, *options):
    return run("evaluate", path, corpus, "-n", 40, *options)


def test_options_that_are_not_given_are_those_of_pretraining(remember, corpus_path):
    record = {"sentences": "lines", "next_sentence": "sop", "max_length": 24}
    path = remember(**record, lang="de")
    # Several sentences a line.
    corpus_path.write_text(corpus_path.read_text().replace(" the river", ". The"))
    given = ["-s", "lines", "-l", "de", "-x", "sop", "-m", 24]
    expected = evaluate(path, corpus_path, *given)
    assert evaluate(path, corpus_path) == expected and "NSP accuracy" in expected
    # Each of them matters, and an option wins.
    for option in (["-s", "sentencizer"], ["-x", "nsp"], ["-m", 32]):
        assert evaluate(path, corpus_path, *option) != expected


def test_without_a_record_text_is_split_by_the_sentencizer(bert_path, corpus_path):
    explicit = ["-s", "sentencizer", "-l", "en", "-x", "nsp", "-m", 128]
    assert KEY not in json.loads((bert_path / "config.json").read_text())
    expected = evaluate(bert_path, corpus_path, *explicit)
    assert evaluate(bert_path, corpus_path) == expected


def test_a_head_that_was_never_trained_has_no_scores(remember, corpus_path):
    path = remember(next_sentence="none")
    said = evaluate(path, corpus_path)
    assert "MLM accuracy" in said and "NSP" not in said and "Random" not in said
    said = evaluate(path, corpus_path, "-x", "nsp")
    assert "was never trained" in said and "NSP accuracy" not in said


def test_a_masked_lm_is_evaluated_and_fills_masks(bert_path, corpus_path, tmp_path):
    """It has the MLM head alone: neither NSP head nor pooler."""
    whole = evaluate(bert_path, corpus_path, "-x", "none")
    filled = run("fill-mask", bert_path, "the [MASK] sat")
    masked = tmp_path / "masked"
    BertForMaskedLM.from_pretrained(bert_path).save_pretrained(masked)
    (masked / "vocab.txt").write_text((bert_path / "vocab.txt").read_text())
    assert evaluate(masked, corpus_path) == whole
    assert run("fill-mask", masked, "the [MASK] sat") == filled


def test_a_pipeline_that_a_checkpoint_names_is_not_loaded(remember, corpus_path):
    path = remember(sentences="numpy")
    said = evaluate(path, corpus_path)
    assert "Add '--sentences numpy'" in said and "MLM accuracy" in said


@pytest.mark.parametrize(
    "record",
    [
        "lines",
        [],
        {"lang": 5},
        {"max_length": True},
        {"max_length": 4},
        {"next_sentence": "rtd"},
    ],
)
def test_a_damaged_record_is_a_message(bert_path, corpus_path, record):
    file = bert_path / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), KEY: record}))
    said = run("evaluate", bert_path, corpus_path, exit_code=1)
    assert KEY in said and "Remove that key" in said


def test_one_kind_of_segment_has_no_pairs(tmp_path, pieces, corpus_path):
    config = BertConfig(
        vocab_size=29, hidden_width=8, n_layers=1, n_heads=2, n_segments=1
    )
    model = BertForPretraining(config)
    model.initialize_weights()
    save_checkpoint(tmp_path / "bert", model, pieces)
    said = evaluate(tmp_path / "bert", corpus_path)
    assert "MLM accuracy" in said and "NSP accuracy" not in said
    options = [tmp_path / "bert", corpus_path, "-x", "nsp"]
    assert "type_vocab_size is 1" in run("evaluate", *options, exit_code=1)
