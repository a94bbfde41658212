"""Several ranks do what one does; any of them may stop or fail."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from rank_pair import RankPair
from rank_tasks import find_gradient, make_trouble, train
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from toy_corpus import read_log

from spacy_bert.model import BertForPretraining
from spacy_bert.pretraining import DivergenceError, pretrain
from spacy_bert.pretraining.config import PretrainingConfig
from spacy_bert.pretraining.instances.batches import (
    BatchReader,
    DataCursor,
)
from spacy_bert.pretraining.training.state import read_state
from spacy_bert.pretraining.training_config import TrainingConfig
from spacy_bert.processes.ranks import OtherRankError, Ranks


@pytest.fixture(scope="module")
def pair():
    pair = RankPair()
    yield pair
    pair.close()


@pytest.fixture
def plain(settings):
    """Settings without dropout, which differs from rank to rank."""
    settings["model"] |= {"hidden_dropout_prob": 0.0, "attention_dropout_prob": 0.0}
    settings["pretraining"] |= {"learn_rate": 1e-3, "log_every": 1}
    return settings


def changed(settings, **changes):
    settings = copy.deepcopy(settings)
    settings["pretraining"] |= changes
    return settings


def alone(settings, output, **options):
    config = PretrainingConfig.from_dict(settings)
    return pretrain(config, output, write=str, **options)


def losses(output):
    names = ("mlm_loss", "nsp_loss", "held_out_mlm_loss", "held_out_nsp_accuracy")
    return [row[name] for row in read_log(output) for name in names if name in row]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "changes",
    [
        {"parallel": "ddp", "accumulate_gradient": 3},
        pytest.param({"parallel": "fsdp"}, marks=SLOW),
        pytest.param({"parallel": "ddp", "next_sentence": "none"}, marks=SLOW),
        pytest.param({"parallel": "fsdp", "next_sentence": "none"}, marks=SLOW),
        pytest.param(
            {
                "parallel": "fsdp",
                "optimizer": "muon",
                "recompute": True,
                "accumulate_gradient": 3,
            },
            marks=SLOW,
        ),
    ],
)
def test_two_ranks_follow_the_losses_of_one(tmp_path, plain, pair, changes):
    often = {"eval_every": 20, "save_every": 20}
    settings = changed(plain, max_steps=50, **often, **changes)
    alone(settings, tmp_path / "one")
    (state, said), (other, silence) = pair(train, settings, tmp_path / "two", {})
    assert state == other and state.step == 50
    assert said and not silence
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert two == pytest.approx(one, abs=1e-5)
    counts = [
        [(row["n_pieces"], row["epoch"]) for row in read_log(tmp_path / name)]
        for name in ("one", "two")
    ]
    assert counts[0] == counts[1]


def test_unequal_ranks_have_the_gradient_of_one(pair, split, pieces, toy_config):
    """60 sequences in three batches and 4 short ones, where one rank has no piece to
    predict: means are over all, not the mean of two means."""
    split.piece_ids[:] = split.piece_ids % (pieces.n_pieces - 5) + 5
    reader = BatchReader(split, pieces, TrainingConfig(max_length=32, batch_size=20))
    instances, _ = reader.read(DataCursor(), 64)
    last = reader.batch(instances[np.arange(60, 64)])
    nothing = torch.zeros(0, dtype=torch.int64)
    last = replace(last, masked_positions=nothing, targets=nothing)
    batches = [*reader.make_batches(instances[np.arange(60)], 3), last]
    bert = replace(toy_config, vocab_size=pieces.n_pieces, n_layers=1, n_heads=2)
    model = BertForPretraining(bert)
    model.initialize_weights()
    both = pair(find_gradient, model, batches, [3, 1])
    outputs = [model(batch.packed, batch.masked_positions) for batch in batches]
    mlm = cross_entropy(
        torch.cat([output.mlm_logits for output in outputs]),
        torch.cat([batch.targets for batch in batches]),
    )
    nsp = cross_entropy(
        torch.cat([output.nsp_logits for output in outputs]),
        torch.cat([batch.is_random for batch in batches]),
    )
    (mlm + nsp).backward()
    for gradient, result in both:
        assert result.mlm_loss == pytest.approx(mlm.item(), abs=1e-6)
        assert result.nsp_loss == pytest.approx(nsp.item(), abs=1e-6)
        for ours, parameter in zip(gradient, model.parameters(), strict=True):
            torch.testing.assert_close(torch.tensor(ours), parameter.grad)


@pytest.mark.parametrize(
    "parallel, optimizer",
    [("fsdp", "adamw"), pytest.param("ddp", "muon", marks=SLOW)],
)
def test_saved_under_some_ranks_and_resumed_under_others(
    tmp_path, plain, pair, signal_in_step, parallel, optimizer
):
    settings = changed(plain, max_steps=12, optimizer=optimizer, parallel=parallel)
    alone(settings, tmp_path / "whole")
    expected = pytest.approx(losses(tmp_path / "whole"), abs=1e-5)

    output = tmp_path / "two, then one"
    outcomes = pair(train, settings, output, {}, (1, 5, "sigterm"))
    assert [state.step for state, _ in outcomes] == [5, 5]
    alone(settings, output, resume=True)
    assert losses(output) == expected

    output = tmp_path / "one, then two, then two in the other way"
    signal_in_step(3)
    assert alone(settings, output).step == 3
    outcomes = pair(train, settings, output, {"resume": True}, (0, 4, "sigterm"))
    assert [state.step for state, _ in outcomes] == [7, 7]
    other = changed(settings, parallel="ddp" if parallel == "fsdp" else "fsdp")
    outcomes = pair(train, other, output, {"resume": True})
    assert [state.step for state, _ in outcomes] == [12, 12]
    assert losses(output) == expected


@pytest.mark.parametrize("parallel", ["ddp", pytest.param("fsdp", marks=SLOW)])
def test_dropout_is_the_same_again_under_as_many_ranks(
    tmp_path, settings, pair, parallel
):
    settings = changed(settings, max_steps=6, parallel=parallel)
    pair(train, settings, tmp_path / "whole", {})
    pair(train, settings, tmp_path / "stopped", {}, (1, 3, "sigterm"))
    pair(train, settings, tmp_path / "stopped", {"resume": True})
    weights, expected = (
        load_file(tmp_path / name / "model-last" / "model.safetensors")
        for name in ("stopped", "whole")
    )
    for name, tensor in expected.items():
        assert torch.equal(weights[name], tensor), name


@pytest.mark.parametrize("parallel", ["ddp", pytest.param("fsdp", marks=SLOW)])
def test_a_step_that_fails_on_one_rank_fails_on_all(tmp_path, plain, pair, parallel):
    settings = changed(plain, parallel=parallel)
    outcomes = pair(train, settings, tmp_path / "out", {}, (1, 4, "nan"))
    (state, said), (other, _) = outcomes
    # Six steps took seven batches of eight.
    assert state == other and (state.step, state.cursor.position) == (6, 56)
    assert [line[:18] for line in said if "left out" in line] == ["Step 4 is left out"]


@pytest.mark.parametrize("parallel", ["ddp", pytest.param("fsdp", marks=SLOW)])
def test_all_ranks_go_back_and_give_up_together(tmp_path, plain, pair, parallel):
    """The witness is alone, and fails at the same steps."""
    settings = changed(plain, parallel=parallel, optimizer="muon")
    with make_trouble((4, 5), "nan"):
        alone(settings, tmp_path / "one")
    output = tmp_path / "two"
    (state, said), _ = pair(train, settings, output, {}, (1, (4, 5), "nan"))
    assert "Back to step 2, with the text that follows" in said and state.step == 6
    assert losses(output) == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    settings = changed(settings, max_skipped=1)
    options = {"overwrite": True}
    error, other = pair(train, settings, output, options, (1, (4, 5), "nan"))
    assert isinstance(error, DivergenceError) and isinstance(other, OtherRankError)
    assert read_state(output / "model-last")[0].step == 2


def test_a_fault_of_any_rank_ends_all(tmp_path, plain, pair):
    output = tmp_path / "out"
    missing = copy.deepcopy(plain)
    missing["corpus"]["path"] = "nowhere.txt"
    error, other = pair(train, missing, output, {})
    assert isinstance(error, FileNotFoundError) and isinstance(other, OtherRankError)
    assert "nothing at nowhere.txt" in str(other)
    outcomes = pair(train, plain, output, {}, (1, 2, "full disk"))
    assert "No space left" in str(outcomes[1])
    assert read_state(output / "model-last")[0].step == 2
    assert not list(output.glob("*.new"))
    few = changed(plain, batch_size=1)
    error, other = pair(train, few, tmp_path / "few", {})
    assert isinstance(error, ValueError) and "one for each rank" in str(error)
    assert isinstance(other, OtherRankError)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_killed_rank_leaves_none_waiting(tmp_path, plain, parallel):
    pair, settings = RankPair(), changed(plain, parallel=parallel)
    outcomes = pair(train, settings, tmp_path / "out", {}, (1, 4, "sigkill"))
    pair.close()
    assert isinstance(outcomes[0], RuntimeError), outcomes
    alone(settings, tmp_path / "out", resume=True)
    alone(settings, tmp_path / "whole")
    expected = pytest.approx(losses(tmp_path / "whole"), abs=1e-5)
    assert losses(tmp_path / "out") == expected


def test_messages_go_through_the_group_that_waits(monkeypatch):
    """The default group may be that of the GPUs, and gives up after some minutes."""
    used = []
    for name in ("broadcast_object_list", "all_gather_object", "all_reduce"):
        note = lambda *_, group, **__: used.append(group)  # noqa: E731
        monkeypatch.setattr(torch.distributed, name, note)
    ranks = Ranks(rank=0, n=2, group="patient")
    assert ranks.on_first(lambda: 5) == ranks.on_all(lambda: 5) == 5
    assert ranks.sum(1.0) == [1.0]
    assert used == ["patient"] * 3
