"""MLM heads guess as in `transformers`, which loads what we save of them."""

import re

import pytest
import torch
import transformers
from hugging_face_toys import (
    IDS,
    N_PIECES,
    SEGMENTS,
    edit_config,
    edit_tensors,
    our_vectors,
    save_bert,
    their_vectors,
)

from spacy_bert.checkpoint.loading import (
    check_loads,
    load_bert,
    load_mlm_model,
    load_weights,
    read_config,
)
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertForPretraining, pack
from spacy_bert.pretraining.fill_mask import fill_mask

DECODER = "cls.predictions.decoder"


def set_name(old, new):
    return lambda tensors: tensors.update({new: tensors.pop(old)})


def their_logits(path):
    bert = transformers.BertForMaskedLM.from_pretrained(path).eval()
    with torch.no_grad():
        inputs = torch.tensor([IDS]), None, torch.tensor([SEGMENTS])
        return bert(*inputs).logits[0]


def our_logits(bert):
    batch = pack(torch.tensor(IDS), [len(IDS)], torch.tensor(SEGMENTS))
    with torch.no_grad():
        return bert(batch, torch.arange(len(IDS))).mlm_logits


HEADS = {
    "BertForMaskedLM": None,
    "decoder stored": lambda path: edit_tensors(path, store_decoder),
    "decoder.bias alone": lambda path: edit_tensors(
        path, set_name("cls.predictions.bias", f"{DECODER}.bias")
    ),
    "untied, but equal": lambda path: (
        edit_config(path, tie_word_embeddings=False),
        edit_tensors(path, store_decoder),
    ),
}


def store_decoder(tensors):
    pieces = tensors["bert.embeddings.word_embeddings.weight"]
    tensors[f"{DECODER}.weight"] = pieces.clone()


@pytest.mark.parametrize("case", HEADS)
def test_a_head_without_nsp_guesses_as_in_transformers(tmp_path, case, caplog):
    save_bert(tmp_path, "BertForMaskedLM")
    # Not after the change: transformers 4.53 fails on a lone decoder.bias.
    expected = their_logits(tmp_path)
    if HEADS[case]:
        HEADS[case](tmp_path)
    bert, _, judges_pairs = load_mlm_model(tmp_path)
    assert not judges_pairs
    # Guesses need neither pooler nor NSP head.
    assert not caplog.records
    torch.testing.assert_close(our_logits(bert), expected, atol=2e-5, rtol=0)


def with_another_decoder(tensors):
    tensors[f"{DECODER}.weight"] = torch.ones(N_PIECES, 32)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (with_another_decoder, f"another {DECODER}.weight"),
        (lambda tensors: None, f"no {DECODER}.weight"),
    ],
)
def test_a_head_with_embeddings_of_its_own_is_refused(tmp_path, edit, words):
    """Its encoder is loaded as in `transformers`."""
    save_bert(tmp_path, "BertForMaskedLM")
    edit_tensors(tmp_path, edit)
    edit_config(tmp_path, tie_word_embeddings=False)
    module = BertForPretraining(read_config(tmp_path))
    fill_heads = ("mlm", "nsp")
    for load in (
        lambda: load_mlm_model(tmp_path),
        lambda: load_weights(module, tmp_path, fill_heads=fill_heads),
        lambda: check_loads(tmp_path, fill_heads=fill_heads),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            load()
    check_loads(tmp_path)
    encoder = load_bert(tmp_path).encoder
    torch.testing.assert_close(
        our_vectors(encoder), their_vectors(tmp_path), atol=1e-5, rtol=0
    )


def test_a_folder_without_an_mlm_head_says_so(tmp_path):
    save_bert(tmp_path)
    with pytest.raises(ValueError, match="expected an MLM head, found none"):
        load_mlm_model(tmp_path)


@pytest.mark.parametrize("kind", ["AutoModel", "BertModel", "BertForPreTraining"])
def test_transformers_loads_what_we_save(tmp_path, kind):
    save_bert(tmp_path / "in", "BertForPreTraining", hidden_act="swish")
    bert, tokenizer, _ = load_mlm_model(tmp_path / "in")
    save_checkpoint(tmp_path / "out", bert, tokenizer)
    loader = getattr(transformers, kind)
    _, info = loader.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not info["missing_keys"]
    torch.testing.assert_close(
        our_vectors(bert.encoder), their_vectors(tmp_path / "out"), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        our_logits(bert), their_logits(tmp_path / "out"), atol=2e-5, rtol=0
    )


def test_the_guesses_are_those_of_their_pipeline(tmp_path):
    save_bert(tmp_path / "in", "BertForMaskedLM")
    bert, tokenizer, _ = load_mlm_model(tmp_path / "in")
    save_checkpoint(tmp_path / "out", bert, tokenizer)
    text = "the cat [MASK] on the bank ."
    theirs = transformers.pipeline("fill-mask", str(tmp_path / "out"))(text)
    (ours,) = fill_mask(bert, tokenizer, text)
    assert [guess.piece for guess in ours] == [guess["token_str"] for guess in theirs]
    probs = [guess["score"] for guess in theirs]
    assert [guess.prob for guess in ours] == pytest.approx(probs, abs=1e-5)
