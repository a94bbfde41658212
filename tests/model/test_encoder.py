"""The encoder against `transformers` and against itself."""

import copy
from dataclasses import replace

import pytest
import torch
from transformers import BertModel

from spacy_bert.checkpoint.conversion import to_hugging_face
from spacy_bert.checkpoint.loading import load_bert
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import (
    BertEncoder,
    BertForPretraining,
    DropoutProbs,
    attention,
    initialize_weights,
    pack,
)
from spacy_bert.model.attention import attend_in_runs, attend_padded, choose_attention
from spacy_bert.model.encoder import compile_layers

TEXTS = [
    "The bank raised its rates.",
    "We sat on the bank of the river, unaffable as ever!",
    "Deposit.",
    "Money in the bank of the river bank.",
]


def pack_lists(sequences):
    ids = torch.tensor([i for sequence in sequences for i in sequence])
    return pack(ids, [len(sequence) for sequence in sequences])


@pytest.fixture(params=["random tiny", "MiniLM"])
def both(request, tmp_path, pretraining_model, tokenizer):
    """(ours, that of transformers, sequences) with the same weights, no dropout."""
    path = tmp_path
    if request.param == "MiniLM":
        path = request.getfixturevalue("minilm_path")
    else:
        save_checkpoint(path, pretraining_model.encoder, tokenizer)
    bert = load_bert(path)
    encoder, pieces = bert.encoder, bert.tokenizer
    ids = pieces.encode_ids(TEXTS)
    sequences = [[pieces.cls_id, *sequence, pieces.sep_id] for sequence in ids]
    return encoder, BertModel.from_pretrained(path).eval(), sequences


@pytest.mark.parametrize("is_train", [True, False])
def test_outputs_equal_transformers(both, is_train):
    encoder, reference, sequences = both
    with torch.set_grad_enabled(is_train):
        hidden = encoder(pack_lists(sequences))
    expected = [reference(torch.tensor([s])).last_hidden_state[0] for s in sequences]
    torch.testing.assert_close(hidden, torch.cat(expected), atol=1e-5, rtol=0)


def test_the_pooled_cls_equals_transformers(both):
    encoder, reference, sequences = both
    batch = pack_lists(sequences)
    pooled = encoder.pool(encoder(batch)[batch.cls_positions])
    expected = [reference(torch.tensor([s])).pooler_output for s in sequences]
    torch.testing.assert_close(pooled, torch.cat(expected), atol=1e-5, rtol=0)


def test_segments_equal_transformers(both):
    encoder, reference, sequences = both
    ids = torch.tensor(sequences[1])
    segments = (torch.arange(len(ids)) > 4).long()
    hidden = encoder(pack(ids, [len(ids)], segments))
    expected = reference(ids[None], token_type_ids=segments[None]).last_hidden_state[0]
    torch.testing.assert_close(hidden, expected, atol=1e-5, rtol=0)


def test_gradients_equal_transformers(both):
    encoder, reference, sequences = both
    # A smooth scalar of all outputs, of the size of a mean loss.
    encoder(pack_lists(sequences)).square().mean().backward()
    outputs = [reference(torch.tensor([s])).last_hidden_state[0] for s in sequences]
    torch.cat(outputs).square().mean().backward()
    ours = to_hugging_face(gradients_of(encoder))
    for name, parameter in reference.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(
                ours[f"bert.{name}"], parameter.grad, atol=1e-5, rtol=0, msg=name
            )


def gradients_of(encoder):
    """An encoder that holds the gradients of another instead of its weights."""
    holder = BertEncoder(encoder.config)
    for target, source in zip(holder.parameters(), encoder.parameters(), strict=True):
        target.data = torch.zeros_like(source) if source.grad is None else source.grad
    return holder


def test_packing_changes_nothing(pretraining_model):
    encoder = pretraining_model.encoder
    sequences = [[2, 5, 6, 3], [2, 9, 3], [2, 7, 8, 3], [2, 3]]
    together = encoder(pack_lists(sequences))
    alone = [encoder(pack_lists([sequence])) for sequence in sequences]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("recomputes", [False, True])
def test_some_positions_of_the_last_layer_are_those_of_all(
    pretraining_model, recomputes
):
    """In 64 bits: in 32, some CPUs round the two too differently."""
    encoder = pretraining_model.encoder.double()
    encoder.recomputes = recomputes
    batch = pack_lists([[2, 7, 8, 9, 3], [2, 11, 3]])
    positions = torch.tensor([7, 2, 0, 2])

    def outcome(run):
        encoder.zero_grad()
        hidden = run()
        (hidden * torch.arange(4)[:, None]).square().sum().backward()
        gradients = [p.grad for p in encoder.parameters() if p.grad is not None]
        return hidden, *gradients

    expected = outcome(lambda: encoder(batch)[positions])
    torch.testing.assert_close(outcome(lambda: encoder(batch, positions)), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore::UserWarning")
def test_compiled_layers_are_the_same_for_batches_of_all_lengths(pretraining_model):
    compiled, reference = copy.deepcopy(pretraining_model), pretraining_model
    compile_layers(compiled.encoder)
    for lengths in ([5, 3], [4], [2, 9, 2, 7]):
        ids = torch.arange(sum(lengths)) % 20 + 5
        batch = pack(ids, lengths)
        for model in (compiled, reference):
            model.zero_grad()
            model.encoder(batch).square().mean().backward()
        torch.testing.assert_close(compiled.encoder(batch), reference.encoder(batch))
        for ours, theirs in zip(
            compiled.encoder.layers.parameters(),
            reference.encoder.layers.parameters(),
            strict=True,
        ):
            torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)
    # One for each of the two layers' parts before and after attention, twice as a new
    # number of pieces makes sizes dynamic at most; not one for each batch.
    counts = torch._dynamo.utils.counters["stats"]
    assert 0 < counts["unique_graphs"] <= 8


def test_both_ways_of_keeping_sequences_apart_agree():
    # Short ones, and one that is long enough for the fused kernel on the CPU.
    batch = pack_lists([[1] * 3, [1] * 3, [1] * 5, [1], [1] * 3, [1] * 60, [1] * 60])
    qkv = torch.randn(batch.n_pieces, 3, 2, 4, generator=torch.manual_seed(0))
    torch.testing.assert_close(
        attend_in_runs(qkv, batch, 0.0), attend_padded(qkv, batch, 0.0)
    )


def test_the_device_and_the_numbers_choose_the_attention():
    qkv = torch.empty(0, 3, 2, 4)
    assert choose_attention(qkv, 0.0) is attend_in_runs
    assert choose_attention(qkv.to("meta"), 0.0) is attend_padded


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_variable_length_attention_equals_padding():
    batch = pack_lists([[1] * 3, [1] * 5, [1], [1] * 60]).to("cuda")
    shape = (batch.n_pieces, 3, 2, 32)
    qkv = torch.randn(shape, device="cuda", dtype=torch.bfloat16)
    attend = choose_attention(qkv, 0.0)
    assert attend is not attend_padded
    torch.testing.assert_close(
        attend(qkv, batch, 0.0),
        attend_padded(qkv, batch, 0.0),
        atol=2e-2,
        rtol=0,
    )


def test_the_same_word_differs_by_context(pretraining_model):
    encoder = pretraining_model.encoder
    river, money = encoder(pack_lists([[2, 9, 10, 3], [2, 11, 10, 3]])).split(4)
    assert not torch.allclose(river[2], money[2], atol=1e-2)


def test_fresh_weights_are_cut_at_two_deviations(toy_config):
    encoder = BertEncoder(toy_config)
    initialize_weights(encoder, std=0.02, generator=torch.manual_seed(0))
    matrix = encoder.layers[0].intermediate.weight
    assert matrix.abs().max() <= 0.04
    # A normal cut at two deviations has 0.88 of its deviation.
    assert matrix.std().item() == pytest.approx(0.0176, rel=0.1)
    assert encoder.layers[0].intermediate.bias.abs().sum() == 0
    assert torch.all(encoder.embeddings.norm.weight == 1)


@pytest.mark.parametrize("mode", [True, False])
def test_dropout_is_an_argument_and_not_a_mode(pretraining_model, mode):
    encoder, batch = pretraining_model.encoder, pack_lists([[2, 5, 6, 3]])
    expected = encoder.eval()(batch)
    encoder.train(mode)
    torch.testing.assert_close(encoder(batch), expected)
    probs = DropoutProbs(hidden=0.5, attention=0.5)
    assert not torch.allclose(encoder(batch, dropout_probs=probs), expected)
    torch.testing.assert_close(encoder(batch), expected)


@pytest.mark.parametrize("recomputes", [False, True])
@pytest.mark.parametrize("kind", ["hidden", "attention"])
def test_gradients_have_the_dropout_of_the_outputs(pretraining_model, kind, recomputes):
    """The slope of the outputs under one seed is the witness, in 64 bits."""
    encoder = pretraining_model.encoder.double()
    encoder.recomputes = recomputes
    batch, probs = pack_lists([[2, 5, 6, 7, 3]]), DropoutProbs(**{kind: 0.5})
    bias, step = encoder.embeddings.norm.bias, 1e-6

    def total():
        torch.manual_seed(0)
        return encoder(batch, dropout_probs=probs).square().sum()

    total().backward()
    with torch.no_grad():
        bias[3] += step
        above = total()
        bias[3] -= 2 * step
        slope = (above - total()) / (2 * step)
    assert bias.grad[3].item() == pytest.approx(slope.item(), rel=1e-4)


def test_pretraining_takes_the_configs_dropout(toy_config):
    """Each chance alone makes two passes differ, and neither does so in evaluation."""
    batch, positions = pack_lists([[2, 5, 6, 3]]), torch.tensor([1, 2])
    for kind in ("hidden_dropout_prob", "attention_dropout_prob"):
        model = BertForPretraining(replace(toy_config, **{kind: 0.5}))
        one, other = (model(batch, positions, is_train=True) for _ in range(2))
        assert not torch.allclose(one.mlm_logits, other.mlm_logits), kind
        one, other = (model.train()(batch, positions) for _ in range(2))
        torch.testing.assert_close(one.mlm_logits, other.mlm_logits)


@pytest.mark.parametrize(("recomputes", "n_runs"), [(False, 1), (True, 2)])
def test_layers_run_again_for_the_gradients_if_asked_to(
    pretraining_model, recomputes, n_runs
):
    encoder = pretraining_model.encoder
    encoder.recomputes = recomputes
    runs = []
    encoder.layers[0].register_forward_pre_hook(lambda *_: runs.append(1))
    encoder(pack_lists([[2, 7, 3]])).sum().backward()
    assert len(runs) == n_runs


def test_a_large_epsilon_counts_as_in_transformers(toy_config, tokenizer, tmp_path):
    """The usual one is too small to be seen in the outputs."""
    encoder = BertEncoder(replace(toy_config, layer_norm_eps=0.5))
    initialize_weights(encoder, std=0.3)
    save_checkpoint(tmp_path, encoder, tokenizer)
    reference = BertModel.from_pretrained(tmp_path).eval()
    expected = reference(torch.tensor([[2, 7, 8, 3]])).last_hidden_state[0]
    torch.testing.assert_close(encoder(pack_lists([[2, 7, 8, 3]])), expected)


@pytest.mark.parametrize(
    ("length", "dropout_prob", "is_fused"),
    [(48, 0.0, False), (49, 0.0, True), (49, 0.1, False)],
)
def test_the_fused_kernel_is_for_long_sequences_without_dropout(
    monkeypatch, length, dropout_prob, is_fused
):
    """It keeps no (length, length) matrix of weights, but costs more for short ones."""
    called = []
    fused = attention.scaled_dot_product_attention
    monkeypatch.setattr(
        attention,
        "scaled_dot_product_attention",
        lambda *args: called.append(args) or fused(*args),
    )
    batch = pack_lists([[0] * length])
    attend_in_runs(torch.randn(length, 3, 2, 4), batch, dropout_prob)
    assert bool(called) == is_fused
