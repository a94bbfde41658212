"""Which of two sentences is likelier, next to `transformers` and by hand."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM
from typer.testing import CliRunner

from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.cli import bert_cli
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import minimal_pairs, pretrain
from spacy_bert.pretraining.log import FillsRow, read_rows
from spacy_bert.pretraining.minimal_pairs import (
    MinimalPair,
    pseudo_log_likelihoods,
    read_minimal_pairs,
    score_minimal_pairs,
)
from spacy_bert.pretraining.report.fills import make_pairs
from spacy_bert.tokenization import load_tokenizer

UNCASED = Path(__file__).parents[1] / "data" / "uncased"
BLIMP = Path(__file__).parents[3] / "shared" / "data" / "blimp"


def pair(good, bad, paradigm="p", phenomenon="q"):
    return MinimalPair(good=good, bad=bad, paradigm=paradigm, phenomenon=phenomenon)


@pytest.fixture
def toy(bert_path):
    return load_pretraining_model(bert_path)


@torch.inference_mode()
def by_hand(model, tokenizer, text):
    """`transformers`: a row for each piece, in which it is masked."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"][0]
    places = torch.arange(1, len(ids) - 1)
    rows = ids.repeat(len(places), 1)
    rows[torch.arange(len(places)), places] = tokenizer.mask_token_id
    logits = model(rows).logits[torch.arange(len(places)), places].double()
    log_probs = logits.log_softmax(1)[torch.arange(len(places)), ids[places]]
    return log_probs.sum().item()


@pytest.mark.slow
@pytest.mark.skipif(not BLIMP.is_dir(), reason="needs shared/data/blimp")
def test_500_pairs_are_judged_as_transformers_does(tmp_path):
    tokenizer = load_tokenizer(UNCASED)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.n_pieces,
        hidden_width=32,
        n_layers=2,
        n_heads=2,
        intermediate_width=64,
        max_positions=128,
    )
    model = BertForPretraining(config).eval()
    model.initialize_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            # Random weights would find all pieces as likely as any.
            parameter.mul_(4)
    save_checkpoint(tmp_path, model, tokenizer)
    theirs = BertForMaskedLM.from_pretrained(tmp_path).eval()
    pieces = AutoTokenizer.from_pretrained(tmp_path)
    pairs = read_minimal_pairs(BLIMP, n=15)[:500]
    assert len(pairs) == 500 and len({one.phenomenon for one in pairs}) > 8
    ours = score_minimal_pairs(model, tokenizer, pairs)
    rights, sames = {}, 0
    for one in pairs:
        good, bad = (by_hand(theirs, pieces, text) for text in (one.good, one.bad))
        is_same = pieces(one.good).input_ids == pieces(one.bad).input_ids
        is_right = 0.5 if is_same else float(good > bad)
        rights.setdefault(one.paradigm, []).append(is_right)
        sames += is_same
    expected = {name: sum(of) / len(of) for name, of in rights.items()}
    found = {score.name: score.accuracy for score in ours.paradigms}
    assert found == pytest.approx(expected)
    assert ours.whole.accuracy == pytest.approx(sum(expected.values()) / len(expected))
    assert ours.whole.n_pairs == 500 and len(set(expected.values())) > 5


def test_scores_are_those_of_transformers(toy, bert_path):
    model, tokenizer = toy
    theirs = BertForMaskedLM.from_pretrained(bert_path).eval()
    pieces = AutoTokenizer.from_pretrained(bert_path)
    texts = ["the cat sat on the river bank", "a dog ran", "unaffable", "zzz ran"]
    sentences = [tuple(ids) for ids in tokenizer.encode_ids(texts)]
    found = pseudo_log_likelihoods(model, tokenizer, sentences)
    expected = [by_hand(theirs, pieces, text) for text in texts]
    assert [found[ids] for ids in sentences] == pytest.approx(expected, abs=1e-4)


def test_batches_do_not_matter(toy, monkeypatch):
    model, tokenizer = toy
    texts = ["the cat sat on the river bank", "a dog ran", "the the the the"]
    sentences = [tuple(ids) for ids in tokenizer.encode_ids(texts)]
    whole = pseudo_log_likelihoods(model, tokenizer, sentences)
    for n in (1, 20):
        monkeypatch.setattr(minimal_pairs, "_BATCH_PIECES", n)
        found = pseudo_log_likelihoods(model, tokenizer, sentences)
        assert found == pytest.approx(whole, abs=1e-5)


def test_what_the_pieces_cannot_tell_apart_counts_half(toy):
    """Both unknown words are [UNK]."""
    pairs = [pair("the zzz ran", "the yyy ran"), pair("a cat", "a cat", "other")]
    scores = score_minimal_pairs(*toy, pairs)
    assert (scores.whole.accuracy, scores.whole.same_ratio) == (0.5, 1.0)


def test_means_are_over_paradigms(toy, monkeypatch):
    """One of a paradigm's three is right, and one of the other's one; and a tie."""
    model, tokenizer = toy
    likely = dict.fromkeys(["a", "cat", "dog"], 0.0) | {"the": -1.0, "bank": -2.0}
    ids = {text: tuple(tokenizer.encode_ids([text])[0]) for text in likely}
    scores = {ids[text]: score for text, score in likely.items()}
    monkeypatch.setattr(
        minimal_pairs, "pseudo_log_likelihoods", lambda *_, **__: scores
    )
    pairs = [
        *(pair("a", "the"), pair("the", "a"), pair("bank", "the")),
        pair("cat", "bank", "other"),
        pair("cat", "dog", "tie", "second"),
    ]
    found = score_minimal_pairs(model, tokenizer, pairs)
    assert [score.accuracy for score in found.paradigms] == pytest.approx(
        [1 / 3, 1, 0.5]
    )
    by_phenomenon = {score.name: score.accuracy for score in found.phenomena}
    assert by_phenomenon == pytest.approx({"q": 2 / 3, "second": 0.5})
    assert found.whole.accuracy == pytest.approx((1 / 3 + 1 + 0.5) / 3)
    assert found.whole.n_pairs == 5 and found.whole.same_ratio == 0


@pytest.mark.parametrize("text", ["the " * 600, " "])
def test_a_sentence_that_cannot_be_read_is_named(toy, text):
    with pytest.raises(ValueError, match="Expected sentences of 1 to .* pieces"):
        score_minimal_pairs(*toy, [pair("a cat", text)])


def write(path, *lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_files_name_paradigms_if_lines_do_not(tmp_path):
    sentences = {"sentence_good": "a cat", "sentence_bad": "cat a"}
    write(tmp_path / "order.jsonl", sentences, sentences, sentences)
    write(tmp_path / "x.jsonl", {**sentences, "UID": "u", "linguistics_term": "t"})
    (tmp_path / "notes.txt").write_text("no pairs")
    found = read_minimal_pairs(tmp_path, n=2)
    assert [(one.paradigm, one.phenomenon) for one in found] == [
        *[("order", "order")] * 2,
        ("u", "t"),
    ]


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "3", '{"sentence_good": "a"}']
    + ['{"sentence_good": "a", "sentence_bad": 3}'],
)
def test_a_line_that_is_no_pair_is_named(tmp_path, line):
    good = '{"sentence_good": "a", "sentence_bad": "b"}'
    (tmp_path / "pairs.jsonl").write_text(f"{good}\n\n{line}\n")
    with pytest.raises(ValueError, match="sentence_bad.* in line 3 of .*pairs.jsonl"):
        read_minimal_pairs(tmp_path / "pairs.jsonl")


def test_no_pairs(tmp_path):
    for path in (tmp_path, tmp_path / "absent.jsonl"):
        with pytest.raises(ValueError, match="Expected a JSONL file of minimal pairs"):
            read_minimal_pairs(path)
    with pytest.raises(ValueError, match="has no lines"):
        read_minimal_pairs(write(tmp_path / "empty.jsonl"))


def run(*arguments):
    result = CliRunner().invoke(bert_cli, ["evaluate", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


def test_the_command(tmp_path, bert_path, corpus_path):
    sentences = {"sentence_good": "a zzz", "sentence_bad": "a yyy"}
    path = write(tmp_path / "order.jsonl", sentences, sentences, sentences)
    code, output = run(bert_path, "--minimal-pairs", path, "--n-pairs", 2)
    assert code == 0 and "order 50.0 % 100.0 % 2 all 50.0 % 100.0 % 2" in output
    assert "MLM loss" not in output
    code, output = run(bert_path, corpus_path, "-n", 10, "-p", path)
    assert code == 0 and "MLM loss" in output and "order 50.0 %" in output
    code, output = run(bert_path)
    assert code == 1 and "Expected a corpus or --minimal-pairs" in output


PAIR = {"sentence_good": "the cat sat", "sentence_bad": "cat the sat"}


def quiet(text):
    pass


def test_a_run_judges_them_at_each_save(tmp_path, make_config):
    path = write(tmp_path / "order.jsonl", PAIR, {**PAIR, "sentence_good": "a dog"})
    asked = {"minimal_pairs": str(path), "n_minimal_pairs": 0}
    config = make_config(pretraining=asked)
    pretrain(config, tmp_path / "asked", write=quiet)
    rows = read_rows(tmp_path / "asked" / "fills.jsonl", FillsRow)
    assert [row["step"] for row in rows] == [0, 2, 4, 6]
    last = tmp_path / "asked" / "model-last"
    found = score_minimal_pairs(*load_pretraining_model(last), read_minimal_pairs(path))
    assert rows[-1]["minimal_pairs"] == {"order": found.whole.accuracy}
    assert rows[-1]["minimal_pairs_accuracy"] == found.whole.accuracy
    page = (tmp_path / "asked" / "report.html").read_text()
    assert "good sentence is likelier" in page and ">order<" in page
    # The run is what it is without them, and goes on without them.
    pretrain(make_config(), tmp_path / "plain", write=quiet)
    weights = "model.safetensors"
    assert (last / weights).read_bytes() == (
        tmp_path / "plain" / "model-last" / weights
    ).read_bytes()
    longer = make_config(pretraining={"max_steps": 8})
    pretrain(longer, tmp_path / "asked", write=quiet, resume=True)
    rows = read_rows(tmp_path / "asked" / "fills.jsonl", FillsRow)
    assert rows[-1]["step"] == 8 and "minimal_pairs" not in rows[-1]
    assert ">order<" in (tmp_path / "asked" / "report.html").read_text()


@pytest.mark.parametrize(
    "lines, message",
    [
        ([{**PAIR, "sentence_bad": "cat " * 40}], "1 to 30 pieces.* got 40"),
        ([3], "in line 1"),
    ],
)
def test_pairs_that_cannot_be_judged_are_refused_before_the_first_step(
    tmp_path, make_config, lines, message
):
    path = write(tmp_path / "order.jsonl", *lines)
    config = make_config(pretraining={"minimal_pairs": str(path)})
    with pytest.raises(ValueError, match=message):
        pretrain(config, tmp_path / "out", write=quiet)
    assert not (tmp_path / "out" / "index").exists()


def test_phenomena_of_the_saves_are_in_columns():
    saves = [
        {"step": 0, "fills": []},
        {
            "step": 5,
            "fills": [],
            "minimal_pairs": {"order": 0.25, "binding": 0.75},
            "minimal_pairs_accuracy": 0.5,
        },
    ]
    heading, _, table = make_pairs(saves)
    cells = [[cell.text for cell in row] for row in table.iter("tr")]
    assert cells == [
        ["Phenomenon", "step 5"],
        *(["all", "50.0%"], ["order", "25.0%"], ["binding", "75.0%"]),
    ]
    assert make_pairs(saves[:1]) == []
