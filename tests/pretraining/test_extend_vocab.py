"""A checkpoint with a corpus's pieces: what is added, and that nothing else changes."""

from dataclasses import replace

import pytest
import torch
from transformers import BertForPreTraining, BertTokenizerFast

from spacy_bert.checkpoint.loading import load_bert, load_pretraining_model, read_config
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.corpus.held_out import split_hash
from spacy_bert.model import BertForPretraining, pack
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.training import new_model
from spacy_bert.pretraining.training.new_model import add_pieces, make_model

DOMAIN = "the cat sat on the unaffable bank. "


def quiet(text: str) -> None:
    pass


@pytest.fixture
def extend(settings, make_config, corpus_path):
    """extend(path, n) -> the config that extends this checkpoint by n pieces."""
    settings["model"] = {}
    text = corpus_path.read_text(encoding="utf8")
    domain = "".join(f"\n{DOMAIN * n}\n" for n in range(1, 5))
    corpus_path.write_text(text + domain, encoding="utf8")

    def make(path, n=2, **training):
        settings["vocabulary"] = {"extend_vocab": n}
        return make_config(pretraining={"checkpoint": str(path), **training})

    return make


def hidden_states(encoder, ids):
    with torch.inference_mode():
        return encoder(pack(torch.tensor(ids), [len(ids)]))


def test_a_new_row_is_the_mean_of_those_it_replaces(pretraining_model):
    extended = add_pieces(pretraining_model, [[25, 26], [25, 26, 27]], n_pieces=33)
    for name in ("encoder.embeddings.pieces.weight", "mlm.bias"):
        before = pretraining_model.state_dict()[name]
        after = extended.state_dict()[name]
        assert torch.equal(after[:33], before)
        torch.testing.assert_close(after[33], (before[25] + before[26]) / 2)
        torch.testing.assert_close(after[34], before[25:28].sum(dim=0) / 3)
    assert extended.config == replace(pretraining_model.config, vocab_size=35)
    assert all(parameter.requires_grad for parameter in extended.parameters())


def test_rows_that_pad_the_vocabulary_go(tmp_path, toy_config, tokenizer):
    padded = BertForPretraining(replace(toy_config, vocab_size=40))
    extended = add_pieces(padded, [[5, 6]], n_pieces=33)
    grown = type(tokenizer)([*tokenizer.pieces, "athe"])
    save_checkpoint(tmp_path, extended, grown)
    again, pieces = load_pretraining_model(tmp_path)
    assert again.config.vocab_size == pieces.n_pieces == 34
    ids = tokenizer.encode("the cat sat").ids.tolist()
    before = hidden_states(padded.encoder, ids)
    assert torch.equal(hidden_states(again.encoder, ids), before)


@pytest.mark.parametrize("name", ["random_bert", "hf_tiny_random_bert", "minilm"])
def test_everything_loads_a_real_checkpoint_that_is_extended(
    tmp_path, request, extend, name, corpus_path
):
    if name == "hf_tiny_random_bert":
        path = request.getfixturevalue("shared_data") / name
    else:
        path = request.getfixturevalue(f"{name}_path")
    bert = load_bert(path)
    encoder, old = bert.encoder, bert.tokenizer
    text = "Hypotension by doxorubicin; hypotension {}.\n\n"
    corpus_path.write_text("".join(text.format(i) for i in range(20)))
    config = extend(path, 4)
    model, extended, _ = make_model(config, read_config(path), old, quiet)
    save_checkpoint(tmp_path / "new", model, extended)
    ours, pieces = load_pretraining_model(tmp_path / "new")
    theirs = BertForPreTraining.from_pretrained(tmp_path / "new").eval()
    tokenizer = BertTokenizerFast.from_pretrained(tmp_path / "new")
    text = "Doxorubicin: hypotension! Hypotensions? unable"
    ids = [pieces.cls_id, *pieces.encode(text).ids.tolist(), pieces.sep_id]
    assert "hypotension" in extended.pieces[old.n_pieces :]
    assert max(ids) >= old.n_pieces
    assert tokenizer(text)["input_ids"] == ids
    assert tokenizer.tokenize(text) == [pieces.pieces[i] for i in ids[1:-1]]
    with torch.inference_mode():
        expected = theirs(torch.tensor([ids])).prediction_logits[0]
        batch = pack(torch.tensor(ids), [len(ids)])
        got = ours(batch, torch.arange(len(ids))).mlm_logits
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)
    # To the bit, if no new piece is met.
    (ids,) = old.encode_ids(["The cat was in the sea for a day."])
    assert pieces.encode_ids(["The cat was in the sea for a day."]) == [ids]
    assert torch.equal(hidden_states(ours.encoder, ids), hidden_states(encoder, ids))


def test_words_that_were_added_before_keep_their_rows(
    tmp_path, pretraining_model, tokenizer, extend
):
    """By `transformers`, in front of rows that only pad the embeddings."""
    save_checkpoint(tmp_path / "bert", pretraining_model, tokenizer)
    theirs = BertTokenizerFast.from_pretrained(tmp_path / "bert")
    theirs.add_tokens(["covid19"])
    theirs.add_special_tokens({"additional_special_tokens": ["[E1]"]})
    model = BertForPreTraining.from_pretrained(tmp_path / "bert")
    torch.manual_seed(0)
    model.resize_token_embeddings(40, mean_resizing=False)
    model.save_pretrained(tmp_path / "bert")
    theirs.save_pretrained(tmp_path / "bert")
    path = tmp_path / "bert"
    old = load_bert(path).tokenizer
    new, extended, _ = make_model(extend(path, 1), read_config(path), old, quiet)
    assert extended.pieces[33:] == ("covid19", "[E1]", "unaffable")
    rows = new.encoder.embeddings.pieces.weight
    before = model.bert.embeddings.word_embeddings.weight
    assert torch.equal(rows[:35], before[:35]) and len(rows) == 36
    save_checkpoint(tmp_path / "new", new, extended)
    again = BertTokenizerFast.from_pretrained(tmp_path / "new")
    text = "the covid19 [E1] cat covid19x unaffable"
    assert again(text).input_ids[1:-1] == extended.encode(text).ids.tolist()
    assert {33, 34, 35} < {*extended.encode(text).ids.tolist()}


def test_a_run_trains_the_new_rows_and_says_what_was_gained(
    tmp_path, bert_path, extend
):
    said = []
    pretrain(extend(bert_path, 1), tmp_path / "out", write=said.append)
    assert any(line.startswith("1 pieces added: unaffable\nThe text") for line in said)
    first, pieces = load_pretraining_model(tmp_path / "out" / "model-last")
    assert pieces.pieces[29:] == ("unaffable",)
    rows = first.encoder.embeddings.pieces.weight
    old = load_pretraining_model(bert_path)[0].encoder.embeddings.pieces.weight
    assert rows.shape[0] == 30
    assert not torch.allclose(rows[29], old[25:28].mean(dim=0), atol=1e-4)


def test_held_out_documents_add_no_pieces(corpus_path, bert_path, extend, pieces):
    """Each document has a word of its own, of seven pieces."""
    parts = {"0": "aff", "1": "able"}
    words = ["un" + "".join(parts[bit] for bit in f"{i:06b}") for i in range(64)]
    config = extend(bert_path, 1000)
    corpus_path.write_text("".join(f"{word} {word}\n\n" for word in words))
    _, extended, _ = make_model(config, read_config(bert_path), pieces, quiet)
    is_held_out = [split_hash([f"{word} {word}"]) < 0.1 for word in words]
    assert 1 < sum(is_held_out) < 20
    added = [word in extended.pieces for word in words]
    assert added == [not held_out for held_out in is_held_out]


def test_a_resumed_run_keeps_its_pieces(
    tmp_path, bert_path, extend, monkeypatch, signal_in_step
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    pretrain(extend(bert_path), whole, write=quiet)
    signal_in_step(3)
    assert pretrain(extend(bert_path), broken, write=quiet).step == 3
    # What would be chosen today is not asked for.
    monkeypatch.delattr(new_model, "extend_wordpiece")
    said = []
    pretrain(extend(bert_path), broken, resume=True, write=said.append)
    assert not any("Indexing" in line for line in said)
    for name in ("vocab.txt", "model.safetensors"):
        ours, theirs = (p / "model-last" / name for p in (broken, whole))
        assert ours.read_bytes() == theirs.read_bytes()


def test_another_number_of_pieces_is_another_run(tmp_path, bert_path, extend):
    pretrain(extend(bert_path, 2), tmp_path / "out", write=quiet)
    message = r"\[vocabulary\] extend_vocab: expected 2, .* got 1"
    with pytest.raises(ValueError, match=message):
        pretrain(extend(bert_path, 1), tmp_path / "out", resume=True, write=quiet)
    said = []
    pretrain(extend(bert_path, 0), tmp_path / "out", overwrite=True, write=said.append)
    assert any("Indexing the corpus: the vocabulary changed" in line for line in said)


def test_only_a_checkpoint_is_extended(make_config):
    with pytest.raises(ValueError, match="extend_vocab: expected 0 if there is no"):
        make_config(vocabulary={"extend_vocab": 5})
    with pytest.raises(ValueError, match="extend_vocab: expected at least 0, got -1"):
        make_config(vocabulary={"extend_vocab": -1})
