"""Steps that fail: left out, taken back, given up."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from toy_corpus import read_log

from spacy_bert.pretraining import DivergenceError, pretrain
from spacy_bert.pretraining.training import loop, optimizer
from spacy_bert.pretraining.training.divergence import DivergenceGuard, highest_loss
from spacy_bert.pretraining.training.optimizer import StepResult
from spacy_bert.pretraining.training.run import Run
from spacy_bert.pretraining.training.schedule import learn_rate_at
from spacy_bert.pretraining.training.state import read_state

FAILED = StepResult(
    mlm_loss=float("nan"), nsp_loss=None, gradient_norm=1.0, is_applied=False
)


def quiet(text: str) -> None:
    pass


@pytest.fixture
def fail_at(monkeypatch):
    """fail_at(4, 5): the 4th and 5th loss of NSP, evaluations aside, is not finite."""

    real = optimizer.nsp_loss

    def start(*calls):
        n_calls = 0

        def broken(output, is_random):
            nonlocal n_calls
            n_calls += 1
            return real(output, is_random) * (float("nan") if n_calls in calls else 1.0)

        monkeypatch.setattr(optimizer, "nsp_loss", broken)

    return start


def test_a_batch_that_fails_is_left_out(tmp_path, make_config, fail_at):
    fail_at(4)
    said = []
    state = pretrain(make_config(), tmp_path / "out", write=said.append)
    # Six steps took seven batches of eight.
    assert (state.step, state.cursor.position) == (6, 56)
    (line,) = [line for line in said if "left out" in line]
    assert line.startswith("Step 4 is left out: MLM loss") and "NSP loss nan" in line
    assert not any(line.startswith("Back to") for line in said)


def test_two_in_a_row_take_the_weights_back(tmp_path, make_config, fail_at):
    """Saved at step 2; the 6th and 7th batch fail at step 6, and steps 3 to 6 are done
    with those from the 8th on."""
    fail_at(6, 7)
    said = []
    state = pretrain(make_config(), tmp_path / "out", write=said.append)
    assert "Back to step 4, with the text that follows" in said
    assert (state.step, state.cursor.position) == (6, 72)
    assert [row["step"] for row in read_log(tmp_path / "out")] == [0, 2, 3, 4, 6]


def test_going_back_restores_weights_optimizer_and_chance(
    tmp_path, make_config, fail_at
):
    """The witness: a checkpoint of step 0, continued with the text that follows."""
    witness, config = tmp_path / "witness", make_config(pretraining={"save_every": 9})
    fail_at(1)
    impatient = make_config(pretraining={"save_every": 9, "max_skipped": 0})
    with pytest.raises(DivergenceError):
        pretrain(impatient, witness, write=quiet)
    file = witness / "model-last" / "training_state.json"
    values = json.loads(file.read_text())
    assert values["step"] == 0
    values["cursor"]["position"] = 40
    file.write_text(json.dumps(values))
    pretrain(config, witness, resume=True, write=quiet)
    fail_at(4, 5)
    pretrain(config, tmp_path / "out", write=quiet)
    weights, expected = (
        load_file(path / "model-last" / "model.safetensors")
        for path in (tmp_path / "out", witness)
    )
    for name, tensor in expected.items():
        assert torch.equal(weights[name], tensor), name


def test_a_run_that_goes_on_failing_ends(tmp_path, make_config, fail_at):
    fail_at(*range(4, 100))
    config = make_config(pretraining={"max_skipped": 3})
    expected = r"Step \d failed, after 3 others: .*NSP loss nan.*is kept"
    with pytest.raises(DivergenceError, match=expected):
        pretrain(config, tmp_path / "out", write=quiet)
    assert read_state(tmp_path / "out" / "model-last")[0].step == 2
    assert (tmp_path / "out" / "report.html").exists()


def test_an_explosion_is_known_by_the_steps_before(tmp_path, make_config, monkeypatch):
    real, n_calls = optimizer.mlm_loss, 0

    def exploding(output, targets):
        nonlocal n_calls
        n_calls += 1
        return real(output, targets) + 20.0 * (n_calls == 4)

    monkeypatch.setattr(optimizer, "mlm_loss", exploding)
    said = []
    state = pretrain(make_config(), tmp_path / "out", write=said.append)
    assert state.step == 6
    assert [line[:20] for line in said if "left out" in line] == [
        "Step 4 is left out: "
    ]


def test_few_masked_pieces_may_stray_further():
    assert highest_loss(None, 1) == float("inf")
    assert highest_loss(2.0, 9) == 2.0 + 3.0 + 3.0
    assert highest_loss(2.0, 900) == pytest.approx(2.0 + 3.0 + 0.3)
    assert torch.isfinite(torch.tensor(highest_loss(2.0, 0)))


def test_going_back_keeps_the_best_and_the_clock(
    tmp_path, make_config, fail_at, monkeypatch
):
    """Evaluations: at steps 0 and 1 to 3 they give 9, 8, 7 and 6; then, after going
    back from step 4 to step 2, only worse ones."""
    losses = iter([9.0, 8.0, 7.0, 6.0] + [8.5] * 20)
    real = Run.evaluate
    monkeypatch.setattr(
        Run, "evaluate", lambda run: replace(real(run), mlm_loss=next(losses))
    )
    rates = []
    monkeypatch.setattr(
        loop,
        "learn_rate_at",
        lambda progress, config: (
            rates.append(learn_rate_at(progress, config)) or rates[-1]
        ),
    )
    fail_at(4, 5)
    limits = {"max_steps": None, "max_epochs": 1.0, "warmup_ratio": 0.0}
    config = make_config(pretraining={"eval_every": 1, **limits})
    state = pretrain(config, tmp_path / "out", write=quiet)
    assert state.best_loss == 6.0
    # The text goes on, so the rate goes on falling.
    assert rates == sorted(rates, reverse=True)


def test_a_step_that_fails_after_each_rollback_is_given_up():
    """Steps that are done again on the way to it do not count as progress."""
    guard = DivergenceGuard(max_skipped=3)
    assert not guard.add(6, FAILED)
    for _ in range(2):
        assert guard.add(6, FAILED)
        for step in (3, 4, 5):
            guard.clear(step)
    with pytest.raises(DivergenceError, match="Step 6 failed, after 3 others"):
        guard.add(6, FAILED)
    guard.clear(6)
    assert not guard.add(7, FAILED)


def test_an_earlier_step_that_fails_too_does_not_hide_a_later_one():
    """After the rollback from step 6, step 4 fails once, and is then done."""
    guard = DivergenceGuard(max_skipped=3)
    for step in (6, 6, 4):
        guard.add(step, FAILED)
    for step in (4, 5):
        guard.clear(step)
    with pytest.raises(DivergenceError, match="Step 6 failed, after 3 others"):
        guard.add(6, FAILED)
